/// A number and what it counts: `1 image`, `2 images`.
///
/// - Parameter many: where it is not `one` with an s.
func counted(_ count: some BinaryInteger, _ one: String, _ many: String? = nil) -> String {
    "\(count) \(count == 1 ? one : many ?? "\(one)s")"
}
