import Foundation

/// What turns the samples of a chunk into the graph's input.
protocol Frontend: AnyObject {
    func push(_ samples: [Int16]) -> [Float]
    /// Begin anew: nothing was heard before.
    func reset()
}

func makeFrontend(_ spec: FrontendSpec, rateHz: Int) -> Frontend {
    switch spec.kind {
    case "log-mel": return LogMel(spec, rateHz: rateHz)
    case "touch": return Touch(spec)
    case "tokens": return Tokens()
    default: return Pcm(spec)
    }
}

private let fullScale = 32768.0

/// Ids of tokens, each two samples: its low and its high 15 bits.
final class Tokens: Frontend {
    func push(_ samples: [Int16]) -> [Float] {
        stride(from: 0, to: samples.count - 1, by: 2).map { Float(samples[$0]) + Float(samples[$0 + 1]) * 32768 }
    }

    func reset() {}
}

/// Samples in [-1, 1] after the last ones of the chunk before.
final class Pcm: Frontend {
    private var context: [Float]

    init(_ spec: FrontendSpec) {
        context = [Float](repeating: 0, count: spec.contextSamples)
    }

    func push(_ samples: [Int16]) -> [Float] {
        let out = context + samples.map { Float(Double($0) / fullScale) }
        context = Array(out.suffix(context.count))
        return out
    }

    func reset() {
        context = [Float](repeating: 0, count: context.count)
    }
}

/// Frame t covers the window that ends at sample (t + 1) * hop, zeros before the start.
final class LogMel: Frontend {
    private let spec: FrontendSpec
    private let hann: [Double]
    private let filters: [[Double]]
    private var heard: [Double]

    init(_ spec: FrontendSpec, rateHz: Int) {
        self.spec = spec
        let length = spec.windowSamples
        hann = (0..<length).map { 0.5 - 0.5 * cos(2 * Double.pi * Double($0) / Double(length)) }
        filters = melFilters(spec, rateHz: rateHz)
        heard = [Double](repeating: 0, count: length)
    }

    func reset() {
        heard = [Double](repeating: 0, count: heard.count)
    }

    func push(_ samples: [Int16]) -> [Float] {
        var frames: [Float] = []
        for start in stride(from: 0, to: samples.count, by: spec.hopSamples) {
            let new = samples[start..<(start + spec.hopSamples)].map { Double($0) / fullScale }
            heard = Array(heard.dropFirst(spec.hopSamples)) + new
            let power = powerSpectrum(zip(heard, hann).map { $0 * $1 }, size: spec.fftSize)
            for filter in filters {
                let sum = zip(power, filter).reduce(0.0) { $0 + $1.0 * $1.1 }
                frames.append(Float(log(max(sum, spec.logFloor))))
            }
        }
        return frames
    }
}

/// Triangles on the HTK mel scale with peak 1.
private func melFilters(_ spec: FrontendSpec, rateHz: Int) -> [[Double]] {
    func mel(_ hz: Double) -> Double { 2595 * log10(1 + hz / 700) }
    let step = (mel(spec.highHz) - mel(spec.lowHz)) / Double(spec.melCount + 1)
    let edges = (0...(spec.melCount + 1)).map { 700 * (pow(10, (mel(spec.lowHz) + Double($0) * step) / 2595) - 1) }
    return (0..<spec.melCount).map { n in
        (0...(spec.fftSize / 2)).map { bin in
            let hz = Double(bin * rateHz) / Double(spec.fftSize)
            let rising = (hz - edges[n]) / (edges[n + 1] - edges[n])
            let falling = (edges[n + 2] - hz) / (edges[n + 2] - edges[n + 1])
            return max(0, min(rising, falling))
        }
    }
}

/// |FFT|^2 of the samples with zeros after them, for the bins up to half the rate. `size` is a power of two.
private func powerSpectrum(_ samples: [Double], size: Int) -> [Double] {
    var re = [Double](repeating: 0, count: size)
    var im = re
    let unused = Int.bitWidth - size.trailingZeroBitCount
    for (n, value) in samples.enumerated() {
        var bits = n
        var reversed = 0
        for _ in 0..<(Int.bitWidth - unused) {
            reversed = (reversed << 1) | (bits & 1)
            bits >>= 1
        }
        re[reversed] = value
    }
    var half = 1
    while half < size {
        for k in 0..<half {
            let angle = -Double.pi * Double(k) / Double(half)
            let (c, s) = (cos(angle), sin(angle))
            for a in stride(from: k, to: size, by: 2 * half) {
                let b = a + half
                let (x, y) = (re[b] * c - im[b] * s, re[b] * s + im[b] * c)
                (re[b], im[b]) = (re[a] - x, im[a] - y)
                (re[a], im[a]) = (re[a] + x, im[a] + y)
            }
        }
        half *= 2
    }
    return (0...(size / 2)).map { re[$0] * re[$0] + im[$0] * im[$0] }
}
