import type { Points } from "./types";

/** Points that are not on the server yet. */
export interface Draft {
  key: string;
  film: string;
  user: string;
  points: Points;
  /** When they were last changed, ms since 1970. */
  time: number;
  /** Whether the annotator has saved them, so that they are sent as soon as the server can be reached. */
  pending: boolean;
}

/** Keeps unsaved work in this browser, in IndexedDB, so that neither a reload nor a lost connection loses it. */
export class Drafts {
  private database: Promise<IDBDatabase> | null = null;

  constructor(
    /** Tells one folder of films from another on the same address. */
    private readonly scope: string,
  ) {}

  keyOf(film: string, user: string): string {
    return JSON.stringify([this.scope, film, user]);
  }

  async put(film: string, user: string, points: Points, pending: boolean): Promise<void> {
    const draft: Draft = { key: this.keyOf(film, user), film, user, points, time: Date.now(), pending };
    await this.run("readwrite", (store) => store.put(draft));
  }

  async get(film: string, user: string): Promise<Draft | null> {
    return ((await this.run("readonly", (store) => store.get(this.keyOf(film, user)))) as Draft | undefined) ?? null;
  }

  /** Remove the draft that was stored at `time`; a newer one stays. */
  async remove(film: string, user: string, time: number): Promise<void> {
    if ((await this.get(film, user))?.time !== time) return;
    await this.run("readwrite", (store) => store.delete(this.keyOf(film, user)));
  }

  /** Drafts of this folder that wait for the server. */
  async pending(): Promise<Draft[]> {
    const all = (await this.run("readonly", (store) => store.getAll())) as Draft[];
    return all.filter((draft) => draft.pending && draft.key === this.keyOf(draft.film, draft.user));
  }

  private open(): Promise<IDBDatabase> {
    this.database ??= new Promise((resolve, reject) => {
      const request = indexedDB.open("monai_ceph", 1);
      request.onupgradeneeded = () => request.result.createObjectStore("drafts", { keyPath: "key" });
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error ?? new Error("This browser keeps no data."));
    });
    return this.database;
  }

  private async run(mode: IDBTransactionMode, ask: (store: IDBObjectStore) => IDBRequest): Promise<unknown> {
    const store = (await this.open()).transaction("drafts", mode).objectStore("drafts");
    const request = ask(store);
    return new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error ?? new Error("This browser keeps no data."));
    });
  }
}
