/*
 * What the device brings to a handshake: the versions, suites and record lengths it offers, what it demands of the
 * server's certificate, and its own certificate where it has one.
 */
#ifndef OTAD_DEVICE_PROFILE_H
#define OTAD_DEVICE_PROFILE_H

#include "connection.h"

/* Parses the trusted certificates and the device's own; what mbedTLS cannot read ends the attempt. */
Outcome profile_load(Connection *connection);

/* Gives mbedTLS's error code, 0 when all is set. */
int profile_configure(Connection *connection);

#endif
