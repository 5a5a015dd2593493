import { begin, type History } from "./history";
import type { Look } from "./gray";
import type { Film, FilmRow, Info, Points, Proposal, Review, Training } from "./types";

export type Tool = "points" | "window" | "ruler";
/** Where the points on the screen are: on the server, changed, on their way, or kept here until the server is back. */
export type Saved = "saved" | "new" | "changed" | "saving" | "kept";
export type Tab = "points" | "measure" | "compare" | "train";

export interface Message {
  text: string;
  kind: "note" | "warning" | "error";
}

export interface State {
  info: Info;
  user: string;
  films: FilmRow[];
  revision: string;
  strategy: string;
  filmId: string | null;
  film: Film | null;
  /** The film as 8-bit gray values, and the film's gray values that are black and white in it. */
  picture: { data: Uint8Array; size: readonly [number, number]; base: readonly [number, number] } | null;
  proposal: Proposal | null;
  loading: boolean;
  history: History<Points>;
  /** Points while one of them is dragged. */
  dragged: Points | null;
  selected: number | null;
  saved: Saved;
  online: boolean;
  others: string[];
  review: Review | null;
  training: Training | null;
  message: Message | null;
  look: Look;
  tool: Tool;
  tab: Tab;
  showNames: boolean;
  showProposal: boolean;
  showOthers: boolean;
  showLines: boolean;
  /** Both ends of the ruler, as far as they are set, film pixels. */
  ruler: Points;
  /** mm of a pixel, from a ruler of known length; for this film only. */
  rulerSpacing: [number, number] | null;
}

export function initial(info: Info, user: string): State {
  return {
    info,
    user,
    films: [],
    revision: "",
    strategy: "",
    filmId: null,
    film: null,
    picture: null,
    proposal: null,
    loading: false,
    history: begin<Points>([]),
    dragged: null,
    selected: null,
    saved: "saved",
    online: true,
    others: [],
    review: null,
    training: null,
    message: null,
    look: { window: [0, 255], gamma: 1, invert: false },
    tool: "points",
    tab: "points",
    showNames: true,
    showProposal: true,
    showOthers: false,
    showLines: true,
    ruler: [],
    rulerSpacing: null,
  };
}

/** The points on the screen. */
export function pointsOf(state: State): Points {
  return state.dragged ?? state.history.now;
}

/** The size of a pixel, mm; null where it is unknown. */
export function spacingOf(state: State): readonly [number, number] | null {
  return state.film?.spacing_mm ?? state.rulerSpacing ?? null;
}

/** Whether a point was moved away from its proposal. */
export function isCorrected(state: State, k: number): boolean {
  const point = pointsOf(state)[k];
  const proposed = state.proposal?.points[k];
  if (!point || !proposed) return (point ?? null) !== (proposed ?? null);
  return Math.hypot(point[0] - proposed[0], point[1] - proposed[1]) > 0.01;
}
