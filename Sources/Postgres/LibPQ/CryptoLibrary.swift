import CLibPQ

/// The OpenSSL that libpq uses for TLS and SCRAM.
enum CryptoLibrary {
    /// Keeps the library whole until the process is gone.
    ///
    /// By itself it frees its locks in `exit(3)`, while threads of connections still use them, or end and let go of what they hold: the
    /// process then ends with SIGSEGV. What `OPENSSL_INIT_NO_ATEXIT` leaves, the kernel takes. Only the first call into the library decides
    /// (OPENSSL_init_crypto(3)), so it comes before the first connection.
    static let keepUntilExit: Void = {
        _ = OPENSSL_init_crypto(CLIBPQ_OPENSSL_INIT_NO_ATEXIT, nil)
    }()
}
