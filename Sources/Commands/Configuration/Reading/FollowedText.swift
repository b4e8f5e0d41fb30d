internal import CredentialSources

/// A text that is no secret, and changes with the files that it is put together from.
struct FollowedText: Hashable {
    /// As it was when the configuration was read.
    var text: String
    var template: SecretTemplate
}
