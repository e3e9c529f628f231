/** contract.json and recommendation.json of an Earshot bundle, as far as a client needs them. */

export type DType = "float32" | "float16" | "int64" | "int32" | "int8" | "uint8" | "bool";

export interface TensorSpec {
  name: string;
  shape: number[];
  dtype: DType;
}

export interface StateSpec {
  input: string;
  output: string;
  shape: number[];
  dtype: DType;
  initial: number;
}

export interface FrontendSpec {
  kind: "log-mel" | "pcm";
  context_samples: number;
  window_samples: number;
  hop_samples: number;
  fft_size: number;
  mel_count: number;
  low_hz: number;
  high_hz: number;
  log_floor: number;
}

export interface DecoderSpec {
  kind: "none" | "keyword" | "ctc";
  labels: string[];
  ignored: string[];
  smooth_frames: number;
  threshold: number;
  refractory_frames: number;
  blank: number;
}

export interface Contract {
  sample_rate_hz: number;
  frontend: FrontendSpec;
  input: TensorSpec;
  time_axis: number;
  states: StateSpec[];
  outputs: TensorSpec[];
  constants: TensorSpec[];
  constant_values: Record<string, number>;
  decoder: DecoderSpec;
}

/** How the candidate ran that won: `recommendation.json`, `configuration`. */
export interface Configuration {
  threads: number;
  chunk_samples: number;
  session_options: Record<string, string>;
}
