// libpq-fe.h: connections, parameters, results, pipeline mode, COPY, cancellation.
#include <libpq-fe.h>

#include <stdint.h>

// OPENSSL_init_crypto(3) of the library under libpq, and the one option that is needed of it. Declared here, because the whole of OpenSSL's
// headers has no business in Swift beside those of BoringSSL, which other packages bring along.
static const uint64_t CLIBPQ_OPENSSL_INIT_NO_ATEXIT = 0x00080000;
int OPENSSL_init_crypto(uint64_t options, const void *settings);
