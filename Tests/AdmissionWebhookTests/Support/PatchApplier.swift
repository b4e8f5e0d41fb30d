import Foundation

/// Applies a JSON Patch as an API server does (RFC 6902): written from the specification, knowing nothing of what is
/// tested. Throws where an operation fails, as the API server refuses the whole request then.
enum PatchApplier {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    static func apply(_ patch: Data, to document: Any) throws -> Any {
        guard let operations = try JSONSerialization.jsonObject(with: patch) as? [[String: Any]] else {
            throw Failure(description: "a patch is a list of operations")
        }
        var document = document
        for operation in operations {
            guard let name = operation["op"] as? String, let path = operation["path"] as? String else {
                throw Failure(description: "an operation has 'op' and 'path'")
            }
            let tokens = try self.tokens(path)
            guard let value = operation["value"] else { throw Failure(description: "'\(name)' needs a value") }
            document = try change(document, tokens[...], name, value, path)
        }
        return document
    }

    private static func tokens(_ path: String) throws -> [String] {
        if path.isEmpty { return [] }
        guard path.hasPrefix("/") else { throw Failure(description: "'\(path)' is no pointer") }
        return path.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map {
            $0.replacingOccurrences(of: "~1", with: "/").replacingOccurrences(of: "~0", with: "~")
        }
    }

    private static func change(
        _ node: Any, _ tokens: ArraySlice<String>, _ name: String, _ value: Any, _ path: String
    ) throws -> Any {
        guard let token = tokens.first else {
            if name == "test", !isEqual(node, value) { throw Failure(description: "the test of \(path) fails") }
            return name == "test" ? node : value
        }
        let rest = tokens.dropFirst()
        if var object = node as? [String: Any] {
            if rest.isEmpty, name == "add" {
                object[token] = value
                return object
            }
            guard let child = object[token] else { throw Failure(description: "\(path) is not there") }
            object[token] = try change(child, rest, name, value, path)
            return object
        }
        if var array = node as? [Any] {
            if rest.isEmpty, name == "add" {
                if token == "-" { return array + [value] }
                guard let index = Int(token), index <= array.count else {
                    throw Failure(description: "\(path) is outside")
                }
                array.insert(value, at: index)
                return array
            }
            guard let index = Int(token), array.indices.contains(index) else {
                throw Failure(description: "\(path) is not there")
            }
            array[index] = try change(array[index], rest, name, value, path)
            return array
        }
        throw Failure(description: "\(path) leads through a value")
    }

    static func isEqual(_ left: Any, _ right: Any) -> Bool {
        guard let left = left as? NSObject, let right = right as? NSObject else { return false }
        return left.isEqual(right)
    }
}
