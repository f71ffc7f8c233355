/*
 * One request and its answer, as esp_http_client makes and reads them: a fixed set of header lines, a 512-byte receive
 * buffer, a head of any shape, a body that Content-Length or the end of the connection bounds. Chunked bodies are
 * refused: ESP-IDF reads them, but no answer of otad may be one.
 */
#ifndef OTAD_DEVICE_HTTP_H
#define OTAD_DEVICE_HTTP_H

#include "connection.h"

typedef struct {
  Connection *connection;
  int status;
  long long content_length; /* -1 = the answer did not say */
  long long body_read;
  bool has_body;
  bool keeps_alive;
  unsigned char received[512];
  size_t received_at;
  size_t received_length;
} Exchange;

/* Sends the request and reads the head of the answer. `range` is the value of the Range line, or NULL for none. */
Outcome exchange_begin(Exchange *exchange, Connection *connection, const char *method, const char *range);

/* Gives the next piece of the body; an empty one means that the body is whole. */
Outcome exchange_read(Exchange *exchange, const unsigned char **piece, size_t *length);

#endif
