/* The TLS session kept in a file between two runs, as a device keeps it through deep sleep. */
#ifndef OTAD_DEVICE_SESSION_H
#define OTAD_DEVICE_SESSION_H

#include "connection.h"

/* Without such a file the run begins with no session, as the first one does. */
Outcome session_load(Connection *connection);

/* Writes down the session a handshake of this run gave; leaves the file alone when there was none. */
Outcome session_save(Connection *connection);

#endif
