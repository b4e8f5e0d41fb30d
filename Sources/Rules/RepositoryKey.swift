package import OCI

/// What a repository is known by: the rule it is reached through, and its name at the upstream.
///
/// Two rules for one host never share a repository, since two accounts need not see the same
/// (docs/decisions/0001-namespace.md).
package struct RepositoryKey: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let rule: RuleName
    /// As the upstream knows it: `library/nginx`, never `nginx`, at Docker Hub.
    package let name: RepositoryName

    package init(rule: RuleName, name: RepositoryName) {
        self.rule = rule
        self.name = name
    }

    /// For people. Never a key: rule `a` with `b/c`, and rule `a/b` with `c`, read the same.
    package var description: String { "\(rule)/\(name)" }

    package static func < (left: RepositoryKey, right: RepositoryKey) -> Bool {
        left.rule == right.rule ? left.name < right.name : left.rule < right.rule
    }
}
