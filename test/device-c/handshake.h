/* The TLS handshake on a socket already connected: to its end, or to the point where the device is told to die. */
#ifndef OTAD_DEVICE_HANDSHAKE_H
#define OTAD_DEVICE_HANDSHAKE_H

#include "connection.h"

Outcome handshake_run(Connection *connection);

#endif
