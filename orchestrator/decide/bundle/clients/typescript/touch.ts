/** A finger's path as features: where it is, how it moves, and how near each key is. */

import type { FrontendSpec } from "./contract.js";
import type { Frontend } from "./frontend.js";

// A sample is ORIGIN + the distance from the keyboard's left or upper edge in 1/UNITS of its width; x = 0: no touch.
const [UNITS, ORIGIN] = [16384, 4096];
const [NEAR_KEYS, STEP_POINTS, STILL] = [0.6, 10, 4e-4];
const MOTION_FEATURES = 8;

interface Point {
  x: number;
  y: number;
  down: boolean;
}

const NOWHERE: Point = { x: 0, y: 0, down: false };

/** x and y in turn to features of each point; zeros where nothing touches. */
export class Touch implements Frontend {
  /** "idle": nothing has touched yet, "down": the last point touches, "lifted": the trace is complete. */
  phase: "idle" | "down" | "lifted" = "idle";
  private last: [Point, Point] = [NOWHERE, NOWHERE];
  private readonly centre: [number, number];
  private readonly half: [number, number];

  constructor(private readonly spec: FrontendSpec) {
    const extent = (places: number[]): [number, number] => {
      const [low, high] = [Math.min(...places), Math.max(...places)];
      return [(low + high) / 2, (high - low) / 2 || 1];
    };
    const [x, y] = [extent(spec.keys.map((key) => key.x)), extent(spec.keys.map((key) => key.y))];
    [this.centre, this.half] = [[x[0], y[0]], [x[1], y[1]]];
  }

  reset(): void {
    this.last = [NOWHERE, NOWHERE];
    this.phase = "idle";
  }

  push(samples: Int16Array): Float32Array {
    const width = MOTION_FEATURES + this.spec.keys.length;
    const rows = new Float32Array((samples.length / 2) * width);
    for (let n = 0; n < samples.length / 2; n++) {
      const [x, y] = [samples[2 * n], samples[2 * n + 1]];
      const now = { x: (x - ORIGIN) / UNITS, y: (y - ORIGIN) / UNITS, down: x !== 0 };
      if (now.down) this.fill(rows.subarray(n * width, (n + 1) * width), now);
      this.last = [this.last[1], now];
      if (now.down) this.phase = "down";
    }
    // Whether it was lifted is told by the last point: a finger that comes back within a chunk has not lifted.
    if (this.phase === "down" && !this.last[1].down) this.phase = "lifted";
    return rows;
  }

  private fill(row: Float32Array, now: Point): void {
    const { key_width: width, key_height: height } = this.spec;
    const step = this.step(this.last[1], now);
    const before = this.step(this.last[0], this.last[1]);
    row[0] = (now.x - this.centre[0]) / this.half[0];
    row[1] = (now.y - this.centre[1]) / this.half[1];
    row[2] = step.x * STEP_POINTS;
    row[3] = step.y * STEP_POINTS;
    // Lengths and angles are those of the screen: heights in key widths.
    const [a, b] = [before, step].map(({ x, y }) => ({ x, y: y * (height / width) }));
    const [squared, squaredBefore] = [b.x * b.x + b.y * b.y, a.x * a.x + a.y * a.y];
    const both = Math.sqrt(squaredBefore * squared) + STILL;
    row[4] = Math.sqrt(squared) * STEP_POINTS;
    row[5] = (a.x * b.y - a.y * b.x) / both;
    row[6] = (a.x * b.x + a.y * b.y) / both;
    row[7] = 1;
    this.spec.keys.forEach((key, index) => {
      const across = (now.x - key.x) / (width * NEAR_KEYS);
      const along = (now.y - key.y) / (height * NEAR_KEYS);
      const root = 1 / (1 + across * across + along * along);
      row[MOTION_FEATURES + index] = root * root;
    });
  }

  /** In key widths and heights; nothing unless both points touch. */
  private step(from: Point, to: Point): { x: number; y: number } {
    if (!from.down || !to.down) return { x: 0, y: 0 };
    return { x: (to.x - from.x) / this.spec.key_width, y: (to.y - from.y) / this.spec.key_height };
  }
}
