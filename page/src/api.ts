import type { Film, FilmRow, Info, Points, Proposal, Review, Training } from "./types";

/** The server cannot be reached; the work is kept and sent later. */
export class OfflineError extends Error {}

/** The server refused; the message says why. */
export class RefusedError extends Error {
  constructor(
    message: string,
    /** Whether the label is saved if the annotator insists. */
    readonly odd = false,
  ) {
    super(message);
  }
}

export interface SaveOptions {
  /** Save a label that is odd. */
  force?: boolean;
  /** Replace another annotator's final label. */
  replace?: boolean;
}

type Query = Record<string, string | number>;

export class Api {
  token = "";

  info(): Promise<Info> {
    return this.json("GET", "info");
  }

  films(): Promise<{ revision: string; films: FilmRow[] }> {
    return this.json("GET", "films");
  }

  film(film: string): Promise<Film> {
    return this.json("GET", "film", { film });
  }

  async picture(film: string, window?: [number, number]): Promise<Blob> {
    const query: Query = window ? { film, low: window[0], high: window[1] } : { film };
    return (await this.request("GET", "film.png", query)).blob();
  }

  proposal(film: string): Promise<Proposal> {
    return this.json("GET", "prediction", { film });
  }

  /** What is odd about points, and what they measure; `spacing_mm` is what the ruler gave. */
  review(film: string, points: Points, spacing_mm: readonly [number, number] | null): Promise<Review> {
    return this.json("POST", "review", { film }, { points, spacing_mm });
  }

  save(film: string, points: Points, user: string, options: SaveOptions): Promise<{ revision: string; final: boolean }> {
    return this.json("PUT", "label", { film }, { points, user, ...options });
  }

  here(film: string, user: string): Promise<{ others: string[]; revision: string }> {
    return this.json("POST", "here", {}, { film, user });
  }

  next(strategy: string, user: string): Promise<{ film: string | null }> {
    return this.json("POST", "next", {}, { strategy, user });
  }

  async upload(file: File): Promise<{ film: string }> {
    const answer = await this.request("PUT", "film", { name: file.name }, file, "application/octet-stream");
    return answer.json() as Promise<{ film: string }>;
  }

  training(): Promise<Training> {
    return this.json("GET", "training");
  }

  train(options: Record<string, unknown>): Promise<Training> {
    return this.json("POST", "training", {}, options);
  }

  stopTraining(): Promise<Training> {
    return this.json("DELETE", "training");
  }

  restoreWeights(name: string): Promise<Training> {
    return this.json("PUT", "weights", {}, { name });
  }

  async markups(film: string, user: string | null): Promise<Blob> {
    return (await this.request("GET", "markups", user === null ? { film } : { film, user })).blob();
  }

  async table(): Promise<Blob> {
    return (await this.request("GET", "export.csv")).blob();
  }

  /** Log in with MONAI Label's own OIDC settings; throws RefusedError. */
  async login(address: string, name: string, password: string): Promise<void> {
    const form = new URLSearchParams({ username: name, password });
    const answer = await send(new Request(address, { method: "POST", body: form }));
    const token = answer.ok ? ((await answer.json()) as { access_token?: string }).access_token : undefined;
    if (!token) throw new RefusedError("The name or the password is not accepted.");
    this.token = token;
  }

  private async json<T>(method: string, path: string, query: Query = {}, content?: unknown): Promise<T> {
    const body = content === undefined ? undefined : JSON.stringify(content);
    return (await (await this.request(method, path, query, body)).json()) as T;
  }

  private async request(
    method: string,
    path: string,
    query: Query = {},
    body?: BodyInit,
    kind = "application/json",
  ): Promise<Response> {
    const url = new URL(`api/${path}`, document.baseURI);
    for (const [key, value] of Object.entries(query)) url.searchParams.set(key, String(value));
    const headers = new Headers();
    if (body !== undefined) headers.set("Content-Type", kind);
    if (this.token) headers.set("Authorization", `Bearer ${this.token}`);
    const answer = await send(new Request(url, { method, headers, ...(body === undefined ? {} : { body }) }));
    if (!answer.ok) throw await refusal(answer);
    return answer;
  }
}

async function send(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch {
    throw new OfflineError("The server cannot be reached.");
  }
}

async function refusal(answer: Response): Promise<RefusedError> {
  let message = `The server answered ${answer.status}.`;
  let odd = false;
  try {
    const content = (await answer.json()) as { detail?: unknown; odd?: unknown };
    if (typeof content.detail === "string") message = content.detail;
    odd = content.odd === true;
  } catch {
    // No JSON: the status has to do.
  }
  return new RefusedError(message, odd);
}
