/** State that parts of the page watch. A change is announced once a frame, however many values changed. */
export class Store<S extends object> {
  private readonly watchers: { last: unknown[]; pick: (state: S) => unknown[]; run: (state: S) => void }[] = [];
  private scheduled = false;

  constructor(
    private state: S,
    private readonly schedule: (run: () => void) => void = (run) => requestAnimationFrame(run),
  ) {}

  get(): Readonly<S> {
    return this.state;
  }

  set(change: Partial<S>): void {
    this.state = { ...this.state, ...change };
    if (this.scheduled) return;
    this.scheduled = true;
    this.schedule(() => {
      this.scheduled = false;
      this.announce();
    });
  }

  /** Call `run` now, and whenever one of the picked values is another one. */
  watch(pick: (state: S) => unknown[], run: (state: S) => void): void {
    const watcher = { last: pick(this.state), pick, run };
    this.watchers.push(watcher);
    run(this.state);
  }

  private announce(): void {
    for (const watcher of this.watchers) {
      const picked = watcher.pick(this.state);
      if (picked.some((value, k) => !Object.is(value, watcher.last[k]))) {
        watcher.last = picked;
        watcher.run(this.state);
      }
    }
  }
}
