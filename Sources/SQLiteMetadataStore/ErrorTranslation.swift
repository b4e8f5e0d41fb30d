internal import GRDB
internal import MetadataStore

/// Runs `body`; whatever it throws becomes one of the contract's errors.
func translated<Value>(_ body: () throws -> Value) -> Result<Value, MetadataStoreError> {
    do { return .success(try body()) } catch { return .failure(MetadataStoreError(translating: error)) }
}

extension MetadataStoreError {
    init(translating error: any Error) {
        switch error {
        case let error as MetadataStoreError: self = error
        case is MalformedRow, is RowDecodingError: self = .corrupt
        case let error as DatabaseError: self.init(error)
        default: self = .backend(code: DatabaseError.SQLITE_ERROR.rawValue, message: "an unexpected error")
        }
    }

    private init(_ error: DatabaseError) {
        switch error.extendedResultCode {
        // The index of the log is a file in its own right, and a full disk shows there as an error of input or output.
        case .SQLITE_IOERR_SHMOPEN, .SQLITE_IOERR_SHMSIZE, .SQLITE_IOERR_SHMMAP: self = .notWritable
        default:
            switch error.resultCode {
            case .SQLITE_CORRUPT, .SQLITE_NOTADB: self = .corrupt
            case .SQLITE_FULL, .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_CANTOPEN: self = .notWritable
            // SQLite's message alone: a statement's arguments stay out of logs.
            default: self = .backend(code: error.extendedResultCode.rawValue, message: error.message ?? "")
            }
        }
    }
}
