/** How gray values of a film are shown. */
export interface Look {
  /** The film's gray values shown as black and as white. */
  readonly window: readonly [number, number];
  readonly gamma: number;
  readonly invert: boolean;
}

/** Windows by name, as fractions of the film's own window. */
export const PRESETS: Record<string, readonly [number, number]> = {
  Full: [0, 1],
  Bone: [0.25, 1],
  Teeth: [0.45, 1],
  "Soft tissue": [0, 0.5],
};

export function preset(name: string, own: readonly [number, number]): readonly [number, number] {
  const [low, high] = PRESETS[name] ?? [0, 1];
  const width = own[1] - own[0];
  return [own[0] + low * width, own[0] + high * width];
}

/** Window and level by a drag: to the right widens the window, down raises its centre. */
export function dragWindow(
  [low, high]: readonly [number, number],
  dx: number,
  dy: number,
  own: readonly [number, number],
): readonly [number, number] {
  const whole = own[1] - own[0];
  const width = Math.min(4 * whole, Math.max(whole / 1000, (high - low) * Math.exp(dx / 200)));
  const centre = (low + high) / 2 + (dy / 400) * whole;
  return [centre - width / 2, centre + width / 2];
}

/**
 * A table from the 256 values of a picture to what the screen shows, as pixels of a canvas.
 *
 * `base`: the film's gray values that are black and white in the picture.
 */
export function table(look: Look, base: readonly [number, number]): Uint32Array {
  const [low, high] = look.window;
  const result = new Uint32Array(256);
  for (let k = 0; k < 256; k++) {
    const value = base[0] + (k / 255) * (base[1] - base[0]);
    const part = Math.min(1, Math.max(0, (value - low) / (high - low)));
    const bright = look.invert ? 1 - part : part;
    const shown = Math.round(255 * Math.pow(bright, 1 / look.gamma));
    result[k] = ((255 << 24) | (shown << 16) | (shown << 8) | shown) >>> 0;
  }
  return result;
}

/** Every so many-th pixel of a picture along both sides, and how many these are along each. */
export function sample(
  data: Uint8Array,
  [width, height]: readonly [number, number],
  step: number,
): { values: Uint8Array; size: readonly [number, number] } {
  if (step === 1) return { values: data, size: [width, height] };
  const size = [Math.ceil(width / step), Math.ceil(height / step)] as const;
  const values = new Uint8Array(size[0] * size[1]);
  let k = 0;
  for (let y = 0; y < height; y += step) {
    for (let x = 0; x < width; x += step) values[k++] = data[y * width + x] as number;
  }
  return { values, size };
}

/**
 * Whether a film's picture has too few gray values for a window, so that another picture should be asked for: the film
 * has more than 8 bits, and the window is less than half of the picture's, or leaves it.
 */
export function needsPicture(
  window: readonly [number, number],
  base: readonly [number, number],
  range: readonly [number, number],
): boolean {
  if (range[1] - range[0] <= 255) return false;
  const narrow = window[1] - window[0] < (base[1] - base[0]) / 2;
  const outside = (window[0] < base[0] && range[0] < base[0]) || (window[1] > base[1] && range[1] > base[1]);
  return narrow || outside;
}
