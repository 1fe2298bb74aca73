// libpq-fe.h: connections, parameters, results, pipeline mode, COPY, cancellation.
#include <libpq-fe.h>
