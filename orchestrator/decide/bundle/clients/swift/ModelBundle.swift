import Foundation

/// The files of an Earshot bundle, and which configuration a device takes.
struct ModelBundle {
    /// Keys of `configurations`; `fallback` begins with the default one.
    private struct Entry: Decodable {
        let identifierPrefixes: [String]?
        let fallback: [String]
    }

    private struct Support: Decodable {
        let deviceSupport: [Entry]
        let `default`: Entry
        let configurations: [String: Configuration]
    }

    private let folder: URL
    private let support: Support

    init(_ folder: URL) throws {
        self.folder = folder
        support = try read(Support.self, from: folder.appendingPathComponent("device_support.json"))
    }

    /// What `device` (such as `iPhone14,2`) takes, then what it falls back to. Nil: the device that was measured.
    func configurations(for device: String?) -> [Configuration] {
        let entry = device.map(entryFor) ?? support.deviceSupport.first ?? support.default
        return entry.fallback.compactMap { support.configurations[$0] }
    }

    /// Of the prefixes that `device` begins with, the longest one's; where there is none, the default.
    private func entryFor(_ device: String) -> Entry {
        var taken = support.default
        var longest = -1
        for entry in support.deviceSupport {
            for prefix in entry.identifierPrefixes ?? [] where device.hasPrefix(prefix) && prefix.count > longest {
                taken = entry
                longest = prefix.count
            }
        }
        return taken
    }

    func contract(_ configuration: Configuration) throws -> Contract {
        try read(Contract.self, from: folder.appendingPathComponent(configuration.contract))
    }

    /// Its `graph`, and of a transducer its `step` and `lexicon`.
    func file(_ configuration: Configuration, _ part: String) -> URL? {
        configuration.files[part].map { folder.appendingPathComponent($0.name) }
    }
}
