import Foundation

// A sample is origin + the distance from the keyboard's left or upper edge in 1/units of its width; x = 0: no touch.
private let units = 16384.0
private let origin = 4096.0
private let nearKeys = 0.6
private let stepPoints = 10.0
private let still = 4e-4

/// A finger's path, x and y in turn, to features of each point; zeros where nothing touches.
final class Touch: Frontend {
    /// idle: nothing has touched yet, down: the last point touches, lifted: the trace is complete.
    enum Phase {
        case idle, down, lifted
    }

    private struct Point {
        var x = 0.0
        var y = 0.0
        var isDown = false
    }

    private(set) var phase = Phase.idle
    private let spec: FrontendSpec
    private let across: (centre: Double, half: Double)
    private let along: (centre: Double, half: Double)
    private var before = Point()
    private var last = Point()

    init(_ spec: FrontendSpec) {
        self.spec = spec
        across = extent(spec.keys.map(\.x))
        along = extent(spec.keys.map(\.y))
    }

    func reset() {
        before = Point()
        last = Point()
        phase = .idle
    }

    func push(_ samples: [Int16]) -> [Float] {
        var rows: [Float] = []
        for n in stride(from: 0, to: samples.count - 1, by: 2) {
            let (x, y) = (Double(samples[n]), Double(samples[n + 1]))
            let now = Point(x: (x - origin) / units, y: (y - origin) / units, isDown: samples[n] != 0)
            rows += now.isDown ? features(now) : [Float](repeating: 0, count: 8 + spec.keys.count)
            if now.isDown { phase = .down }
            before = last
            last = now
        }
        // Whether it was lifted is told by the last point: a finger that comes back within a chunk has not lifted.
        if phase == .down && !last.isDown { phase = .lifted }
        return rows
    }

    private func features(_ now: Point) -> [Float] {
        let (step, earlier) = (step(last, now), step(before, last))
        // Lengths and angles are those of the screen: heights in key widths.
        let screen = spec.keyHeight / spec.keyWidth
        let (a, b) = ((x: earlier.x, y: earlier.y * screen), (x: step.x, y: step.y * screen))
        let squared = b.x * b.x + b.y * b.y
        let both = ((a.x * a.x + a.y * a.y) * squared).squareRoot() + still
        let motion: [Double] = [
            (now.x - across.centre) / across.half,
            (now.y - along.centre) / along.half,
            step.x * stepPoints,
            step.y * stepPoints,
            squared.squareRoot() * stepPoints,
            (a.x * b.y - a.y * b.x) / both,
            (a.x * b.x + a.y * b.y) / both,
            1,
        ]
        let near = spec.keys.map { key -> Double in
            let x = (now.x - key.x) / (spec.keyWidth * nearKeys)
            let y = (now.y - key.y) / (spec.keyHeight * nearKeys)
            let root = 1 / (1 + x * x + y * y)
            return root * root
        }
        return (motion + near).map { Float($0) }
    }

    /// In key widths and heights; nothing unless both points touch.
    private func step(_ from: Point, _ to: Point) -> (x: Double, y: Double) {
        guard from.isDown && to.isDown else { return (0, 0) }
        return ((to.x - from.x) / spec.keyWidth, (to.y - from.y) / spec.keyHeight)
    }
}

/// Centre and half size; a size of 0 counts as 1.
private func extent(_ places: [Double]) -> (centre: Double, half: Double) {
    let (low, high) = (places.min() ?? 0, places.max() ?? 0)
    return ((low + high) / 2, high > low ? (high - low) / 2 : 1)
}
