/** What turns samples into the graph's input, one chunk at a time. */

import type { FrontendSpec } from "./contract.js";
import { Touch } from "./touch.js";

export interface Frontend {
  /** The graph's input for this chunk. */
  push(samples: Int16Array): Float32Array;
  /** Begin anew: nothing was heard before. */
  reset(): void;
}

const FULL_SCALE = 32768;

export function makeFrontend(spec: FrontendSpec, rateHz: number): Frontend {
  if (spec.kind === "log-mel") return new LogMel(spec, rateHz);
  if (spec.kind === "touch") return new Touch(spec);
  return spec.kind === "tokens" ? new Tokens() : new Pcm(spec);
}

/** Ids of tokens, each two samples: its low and its high 15 bits. */
class Tokens implements Frontend {
  push(samples: Int16Array): Float32Array {
    return Float32Array.from({ length: samples.length / 2 }, (_, n) => samples[2 * n] + samples[2 * n + 1] * 32768);
  }

  reset(): void {}
}

/** Samples in [-1, 1] after the last ones of the chunk before. */
class Pcm implements Frontend {
  private context: Float32Array;

  constructor(spec: FrontendSpec) {
    this.context = new Float32Array(spec.context_samples);
  }

  push(samples: Int16Array): Float32Array {
    const out = new Float32Array(this.context.length + samples.length);
    out.set(this.context);
    for (let n = 0; n < samples.length; n++) out[this.context.length + n] = samples[n] / FULL_SCALE;
    this.context = out.slice(out.length - this.context.length);
    return out;
  }

  reset(): void {
    this.context.fill(0);
  }
}

/** Frame t covers the window that ends at sample (t + 1) * hop, zeros before the start. */
class LogMel implements Frontend {
  private readonly heard: Float64Array;
  private readonly hann: Float64Array;
  private readonly filters: Float64Array[];

  constructor(private readonly spec: FrontendSpec, rateHz: number) {
    const length = spec.window_samples;
    this.heard = new Float64Array(length);
    this.hann = Float64Array.from({ length }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / length));
    this.filters = melFilters(spec, rateHz);
  }

  reset(): void {
    this.heard.fill(0);
  }

  push(samples: Int16Array): Float32Array {
    const { hop_samples: hop, mel_count: mels, log_floor: floor } = this.spec;
    const frames = new Float32Array((samples.length / hop) * mels);
    for (let start = 0, at = 0; start < samples.length; start += hop) {
      this.heard.copyWithin(0, hop);
      for (let n = 0; n < hop; n++) this.heard[this.heard.length - hop + n] = samples[start + n] / FULL_SCALE;
      const power = powerSpectrum(this.heard, this.hann, this.spec.fft_size);
      for (const filter of this.filters) {
        let sum = 0;
        for (let bin = 0; bin < power.length; bin++) sum += power[bin] * filter[bin];
        frames[at++] = Math.log(Math.max(sum, floor));
      }
    }
    return frames;
  }
}

/** Triangles on the HTK mel scale with peak 1. */
function melFilters(spec: FrontendSpec, rateHz: number): Float64Array[] {
  const mel = (hz: number) => 2595 * Math.log10(1 + hz / 700);
  const step = (mel(spec.high_hz) - mel(spec.low_hz)) / (spec.mel_count + 1);
  const edge = (n: number) => 700 * (10 ** ((mel(spec.low_hz) + n * step) / 2595) - 1);
  return Array.from({ length: spec.mel_count }, (_, n) => {
    const [low, mid, high] = [edge(n), edge(n + 1), edge(n + 2)];
    return Float64Array.from({ length: spec.fft_size / 2 + 1 }, (_, bin) => {
      const hz = (bin * rateHz) / spec.fft_size;
      return Math.max(0, Math.min((hz - low) / (mid - low), (high - hz) / (high - mid)));
    });
  });
}

/** |FFT|^2 of the windowed samples with zeros after them, for the bins up to half the rate. `size` is a power of two. */
function powerSpectrum(samples: Float64Array, window: Float64Array, size: number): Float64Array {
  const re = new Float64Array(size);
  const im = new Float64Array(size);
  for (let n = 0, reversed = 0; n < size; n++) {
    if (n < samples.length) re[reversed] = samples[n] * window[n];
    let bit = size >> 1;
    while (reversed & bit) {
      reversed ^= bit;
      bit >>= 1;
    }
    reversed |= bit;
  }
  for (let half = 1; half < size; half *= 2) {
    for (let k = 0; k < half; k++) {
      const [c, s] = [Math.cos((-Math.PI * k) / half), Math.sin((-Math.PI * k) / half)];
      for (let a = k; a < size; a += 2 * half) {
        const b = a + half;
        const [x, y] = [re[b] * c - im[b] * s, re[b] * s + im[b] * c];
        [re[b], im[b]] = [re[a] - x, im[a] - y];
        [re[a], im[a]] = [re[a] + x, im[a] + y];
      }
    }
  }
  return Float64Array.from({ length: size / 2 + 1 }, (_, bin) => re[bin] ** 2 + im[bin] ** 2);
}
