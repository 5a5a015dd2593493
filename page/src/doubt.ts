import type { Proposal } from "./types";

export type Doubt = "sure" | "fair" | "poor" | "doubtful" | "absent";

export const COLOURS: Record<Doubt, string> = {
  sure: "#4ade80",
  fair: "#facc15",
  poor: "#fb923c",
  doubtful: "#f87171",
  absent: "#94a3b8",
};

/** The colour of a point that a person has moved, and of what is shown beside it. */
export const CORRECTED = "#38bdf8";

export const WORDS: Record<Doubt, string> = {
  sure: "sure",
  fair: "fairly sure",
  poor: "unsure",
  doubtful: "doubtful",
  absent: "not found",
};

/** How doubtful a proposed point is: the higher, the more it needs a look. */
export function doubtOf(proposal: Proposal, k: number): number {
  const status = proposal.status[k];
  const radius = proposal.radius90_mm?.[k];
  const doubt = radius != null ? Math.min(1, radius / 10) : 1 - (proposal.confidence[k] ?? 0);
  return doubt + (status === "found" ? 0 : status === "doubtful" ? 1 : 2);
}

export function doubtClass(proposal: Proposal | null, k: number): Doubt {
  if (!proposal) return "absent";
  const status = proposal.status[k];
  if (status === "doubtful") return "doubtful";
  if (status !== "found") return "absent";
  const radius = proposal.radius90_mm?.[k];
  if (radius != null) return radius <= 2 ? "sure" : radius <= 4 ? "fair" : "poor";
  const confidence = proposal.confidence[k] ?? 0;
  return confidence >= 0.5 ? "sure" : confidence >= 0.25 ? "fair" : "poor";
}

/** Landmarks from the most doubtful to the least. */
export function byDoubt(proposal: Proposal): number[] {
  const order = proposal.points.map((_, k) => k);
  return order.sort((a, b) => doubtOf(proposal, b) - doubtOf(proposal, a) || a - b);
}

/** The landmark after `selected` in an order, or before it; the first one if none is selected. */
export function nextIn(order: readonly number[], selected: number | null, step: 1 | -1): number | null {
  if (order.length === 0) return null;
  const at = selected === null ? -1 : order.indexOf(selected);
  if (at < 0) return order[0] ?? null;
  return order[(at + step + order.length) % order.length] ?? null;
}
