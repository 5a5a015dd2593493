/** A position on the film: x, y in pixels of the film as stored; pixel centres are at integers. */
export type Point = readonly [number, number];
/** One entry for each landmark of the scheme; null where a landmark cannot be seen. */
export type Points = readonly (Point | null)[];

export interface Landmark {
  symbol: string;
  name: string;
  definition: string;
}

export interface Info {
  title: string;
  users: boolean;
  /** Address that gives a token for a name and a password; empty where nobody logs in. */
  login: string;
  train: boolean;
  upload: boolean;
  strategies: Record<string, string>;
  scheme: Landmark[];
  user: string | null;
  allowed: boolean;
}

export interface FilmRow {
  film: string;
  state: "new" | "labelled";
  annotators: string[];
  /** Of the model, 0 to 1; null where it is unknown. */
  uncertainty: number | null;
}

export interface Label {
  user: string;
  points: Points;
  final: boolean;
}

export interface Film {
  film: string;
  size: [number, number];
  spacing_mm: [number, number] | null;
  window: [number, number];
  range: [number, number];
  labels: Label[];
}

export type Matrix = readonly [readonly [number, number], readonly [number, number]];

export type Status = "found" | "doubtful" | "outside" | "missing";

export interface Proposal {
  points: Points;
  confidence: (number | null)[];
  status: Status[];
  /** Radius that holds 90 % of the errors, mm; null where the model does not know. */
  radius90_mm: (number | null)[] | null;
  /** Covariance of each point's error, mm², axes of the film; null where the model does not know. */
  covariance_mm2: (Matrix | null)[] | null;
  remarks: string[];
  doubts: string[];
  spacing_mm: [number, number] | null;
}

export interface PointWarning {
  symbol: string;
  text: string;
}

export interface Measurement {
  analysis: string;
  measurement: string;
  value: number | null;
  unit: string;
  norm_mean: number | null;
  norm_sd: number | null;
  z: number | null;
  low90: number | null;
  high90: number | null;
  meaning: string;
  remark: string;
}

export interface Review {
  warnings: PointWarning[];
  measurements: Measurement[];
  /** Tracing lines, each a list of positions on the film. */
  lines: Point[][];
}

export interface HeldOut {
  error: number;
  unit: "mm" | "px";
  within_2mm: number | null;
}

export interface Training {
  status: "none" | "running" | "done" | "failed";
  message: string;
  progress: { stage: string | null; epoch: number | null; total_epochs: number | null; loss: number | null };
  result: {
    replaced: boolean | null;
    before: HeldOut | null;
    after: HeldOut | null;
    /** Points of held-out labels that do not count, because the old and the new weights are far from them. */
    left_out: string[] | null;
    trained: string[] | null;
    held_out: string[] | null;
  };
  labels: number;
  weights: string[];
  in_use: string;
}
