#include "http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* DEFAULT_HTTP_BUF_SIZE of esp_http_client: a request line that does not fit is never sent. */
#define REQUEST_LINE_LIMIT 512
/* HTTP_MAX_HEADER_SIZE of its http_parser, for the whole head. */
#define HEAD_LIMIT (80 * 1024)
/* Every header line the device cares for is far shorter; the rest of a longer one is read and dropped. */
#define LINE_KEPT 256

static Outcome send_request(Exchange *exchange, const char *method, const char *range) {
  const Url *url = &exchange->connection->options->url;
  Report *report = exchange->connection->report;
  char request[1024];
  int line = snprintf(request, REQUEST_LINE_LIMIT, "%s %s HTTP/1.1\r\n", method, url->path);
  if (line >= REQUEST_LINE_LIMIT) return fail(report, WRONG_USAGE, "HTTP_CLIENT: Out of buffer");
  /* Content-Length: 0 on a GET is what releases up to v5.3 send. */
  int rest = snprintf(request + line, sizeof request - (size_t)line,
                      "User-Agent: ESP32 HTTP Client/1.0\r\nHost: %s\r\nContent-Length: 0\r\n%s%s%s\r\n",
                      url->host_header, range == NULL ? "" : "Range: ", range == NULL ? "" : range,
                      range == NULL ? "" : "\r\n");
  if ((size_t)line + (size_t)rest >= sizeof request) return fail(report, WRONG_USAGE, "HTTP_CLIENT: Out of buffer");
  report->requests++;
  return connection_write(exchange->connection, request, (size_t)(line + rest));
}

static Outcome refill(Exchange *exchange) {
  exchange->received_at = 0;
  return connection_read(exchange->connection, exchange->received, sizeof exchange->received,
                         &exchange->received_length);
}

static Outcome next_byte(Exchange *exchange, char *byte) {
  if (exchange->received_at == exchange->received_length) {
    Outcome outcome = refill(exchange);
    if (outcome != DONE) return outcome;
    if (exchange->received_length == 0) {
      return fail(exchange->connection->report, TRANSFER_BROKEN,
                  "Failed to establish HTTP connection: the server hung up before its answer was complete");
    }
  }
  *byte = (char)exchange->received[exchange->received_at++];
  return DONE;
}

static Outcome read_line(Exchange *exchange, char *line, size_t *head_length) {
  size_t kept = 0;
  for (;;) {
    char byte = 0;
    Outcome outcome = next_byte(exchange, &byte);
    if (outcome != DONE) return outcome;
    if (++*head_length > HEAD_LIMIT) {
      return fail(exchange->connection->report, ANSWER_REFUSED, "the head is longer than %d bytes", HEAD_LIMIT);
    }
    if (byte == '\n') break;
    if (kept < LINE_KEPT - 1) line[kept++] = byte;
  }
  if (kept > 0 && line[kept - 1] == '\r') kept--;
  line[kept] = '\0';
  return DONE;
}

/* The value of the line when it carries the named header, in whatever case it is written; NULL for another one. */
static const char *value_of(const char *line, const char *name) {
  size_t length = strlen(name);
  if (strncasecmp(line, name, length) != 0 || line[length] != ':') return NULL;
  const char *value = line + length + 1;
  return value + strspn(value, " \t");
}

static Outcome read_content_length(Exchange *exchange, const char *value) {
  char *end;
  long long length = strtoll(value, &end, 10);
  if (end == value || *end != '\0' || length < 0) {
    return fail(exchange->connection->report, ANSWER_REFUSED, "Content-Length is no length: %s", value);
  }
  exchange->content_length = length;
  return DONE;
}

static Outcome read_header(Exchange *exchange, const char *line) {
  const char *value;
  if ((value = value_of(line, "Content-Length")) != NULL) return read_content_length(exchange, value);
  if ((value = value_of(line, "Transfer-Encoding")) != NULL) {
    return fail(exchange->connection->report, ANSWER_REFUSED, "this device takes no Transfer-Encoding: %s", value);
  }
  if ((value = value_of(line, "Connection")) != NULL) exchange->keeps_alive = strcasecmp(value, "close") != 0;
  return DONE;
}

static Outcome read_head(Exchange *exchange) {
  Report *report = exchange->connection->report;
  char line[LINE_KEPT];
  size_t head_length = 0;
  int minor;
  Outcome outcome = read_line(exchange, line, &head_length);
  if (outcome != DONE) return outcome;
  if (sscanf(line, "HTTP/1.%d %3d", &minor, &exchange->status) != 2) {
    return fail(report, ANSWER_REFUSED, "the answer does not begin as HTTP/1.x does: %s", line);
  }
  report->status = exchange->status;
  exchange->keeps_alive = minor == 1;
  for (;;) {
    outcome = read_line(exchange, line, &head_length);
    if (outcome != DONE || line[0] == '\0') return outcome;
    outcome = read_header(exchange, line);
    if (outcome != DONE) return outcome;
  }
}

Outcome exchange_begin(Exchange *exchange, Connection *connection, const char *method, const char *range) {
  *exchange = (Exchange){.connection = connection, .content_length = -1};
  Outcome outcome = send_request(exchange, method, range);
  if (outcome == DONE) outcome = read_head(exchange);
  exchange->has_body = strcmp(method, "HEAD") != 0 && exchange->status != 204 && exchange->status != 304;
  return outcome;
}

Outcome exchange_read(Exchange *exchange, const unsigned char **piece, size_t *length) {
  *length = 0;
  bool says_length = exchange->content_length >= 0;
  if (!exchange->has_body || (says_length && exchange->body_read == exchange->content_length)) return DONE;
  if (exchange->received_at == exchange->received_length) {
    Outcome outcome = refill(exchange);
    if (outcome != DONE) return outcome;
  }
  if (exchange->received_length == 0) {
    exchange->keeps_alive = false;
    /* Without a length any end is a good end to ESP-IDF, a crash of the server included. */
    if (!says_length) return DONE;
    return fail(exchange->connection->report, TRANSFER_BROKEN,
                "Connection closed before complete data was received! (%lld of %lld bytes)", exchange->body_read,
                exchange->content_length);
  }
  *piece = exchange->received + exchange->received_at;
  *length = exchange->received_length - exchange->received_at;
  long long left = exchange->content_length - exchange->body_read;
  if (says_length && (long long)*length > left) *length = (size_t)left;
  exchange->received_at += *length;
  exchange->body_read += (long long)*length;
  return DONE;
}
