/*
 * A stand-in for an old ESP32: downloads firmware as esp_https_ota does, with the mbedTLS release that ESP-IDF 4.4 is
 * built on, and refuses what it would refuse, in its words. It verifies no checksum, digest or signature of the image:
 * that is the bootloader's work, and src/image/ has its own tests.
 *
 *   cc -std=c99 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Werror -O2 *.c -o build/device \
 *      -lmbedtls -lmbedx509 -lmbedcrypto
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connection.h"
#include "http.h"
#include "options.h"
#include "report.h"
#include "session.h"
#include "slot.h"

typedef struct {
  Options options;
  Report report;
  Connection connection;
  Slot slot;
} Device;

static Outcome ask(Device *device, Exchange *exchange, const char *method, const char *range) {
  if (!device->connection.is_open) {
    Outcome outcome = connection_open(&device->connection);
    if (outcome != DONE) return outcome;
  }
  return exchange_begin(exchange, &device->connection, method, range);
}

/* The status codes that end an attempt; every other one counts as success, 204 and 206 included. */
static Outcome judge_status(Report *report, int status) {
  switch (status) {
    case 301:
    case 302:
    case 303:
    case 307:
    case 308: return fail(report, ANSWER_REFUSED, "this device follows no redirect (%d)", status);
    case 401: return fail(report, ANSWER_REFUSED, "Client error (401): v3.3 and v4.4 would ask again, for ever");
    case 403:
    case 404: return fail(report, ANSWER_REFUSED, "File not found(%d)", status);
    default: break;
  }
  if (status >= 500) return fail(report, ANSWER_REFUSED, "Server error (%d)", status);
  if (status >= 400) return fail(report, ANSWER_REFUSED, "Client error (%d)", status);
  return DONE;
}

static Outcome read_body(Device *device, Exchange *exchange) {
  for (;;) {
    const unsigned char *piece;
    size_t length;
    Outcome outcome = exchange_read(exchange, &piece, &length);
    if (outcome != DONE || length == 0) return outcome;
    outcome = slot_append(&device->slot, &device->report, piece, length);
    if (outcome != DONE) return outcome;
  }
}

static Outcome take_body(Device *device, Exchange *exchange) {
  Outcome outcome = judge_status(&device->report, exchange->status);
  if (outcome != DONE) return outcome;
  outcome = read_body(device, exchange);
  /* A body that stops within the headers has one name on a device, however it stopped. */
  if (outcome == DONE || outcome == TRANSFER_BROKEN) {
    Outcome headers = slot_has_headers(&device->slot, &device->report);
    if (headers != DONE) return headers;
  }
  if (outcome == DONE && !exchange->keeps_alive) connection_close(&device->connection);
  return outcome;
}

static Outcome fetch(Device *device, const char *range) {
  Exchange exchange;
  Outcome outcome = ask(device, &exchange, "GET", range);
  return outcome == DONE ? take_body(device, &exchange) : outcome;
}

/* The length esp_https_ota plans its ranges with. It closes the connection afterwards, whatever the answer. */
static Outcome ask_length(Device *device, long long *total) {
  Exchange exchange;
  Outcome outcome = ask(device, &exchange, "HEAD", NULL);
  if (outcome != DONE) return outcome;
  connection_close(&device->connection);
  if (exchange.status != 200) {
    return fail(&device->report, ANSWER_REFUSED, "Received incorrect http status %d", exchange.status);
  }
  *total = exchange.content_length;
  return DONE;
}

/* The value of the next Range line; NULL when one request can take the whole file. */
static const char *next_range(const Device *device, long long total, char *range, size_t room) {
  long long from = (long long)device->slot.length;
  long long chunk = device->options.chunk;
  if (total - from > chunk) snprintf(range, room, "bytes=%lld-%lld", from, from + chunk - 1);
  else if (from > 0) snprintf(range, room, "bytes=%lld-", from);
  else return NULL;
  return range;
}

/* Appends what each answer brings without comparing it with what was asked: a 200 to a range spoils the slot. */
static Outcome fetch_in_ranges(Device *device, long long total) {
  while ((long long)device->slot.length < total || device->slot.length == 0) {
    char range[64];
    size_t before = device->slot.length;
    Outcome outcome = fetch(device, next_range(device, total, range, sizeof range));
    if (outcome != DONE) return outcome;
    if (device->slot.length == before) break;
    if (device->options.new_connection_per_range) connection_close(&device->connection);
  }
  if ((long long)device->slot.length == total) return DONE;
  return fail(&device->report, TRANSFER_BROKEN, "Complete data was not received. (%zu bytes of %lld)",
              device->slot.length, total);
}

static Outcome run_partial(Device *device) {
  long long total;
  Outcome outcome = ask_length(device, &total);
  return outcome == DONE ? fetch_in_ranges(device, total) : outcome;
}

/* The first range after a restart. A rest of one chunk is asked for with its end one past the last byte. */
static void resume_range(const Device *device, long long total, char *range, size_t room) {
  long from = device->options.offset;
  long chunk = device->options.chunk;
  if (chunk == 0) snprintf(range, room, "bytes=%ld-", from);
  else if (total - from > chunk) snprintf(range, room, "bytes=%ld-%ld", from, from + chunk - 1);
  else snprintf(range, room, "bytes=%ld-%lld", from, total);
}

static Outcome start_over(Device *device, long long total) {
  fprintf(stderr, "Falling back to OTA without resumption\n");
  connection_close(&device->connection);
  slot_erase(&device->slot);
  return device->options.chunk == 0 ? fetch(device, NULL) : fetch_in_ranges(device, total);
}

static Outcome resume(Device *device, long long total) {
  char range[64];
  resume_range(device, total, range, sizeof range);
  Exchange exchange;
  Outcome outcome = ask(device, &exchange, "GET", range);
  if (outcome != DONE) return outcome;
  if (exchange.status == 416) return start_over(device, total);
  /* Since v5.5.4; the releases before it appended the whole file after what they had. */
  if (exchange.status == 200) {
    fprintf(stderr, "Server ignored the requested Range header\n");
    return start_over(device, total);
  }
  outcome = take_body(device, &exchange);
  if (outcome != DONE) return outcome;
  if (exchange.status != 206) return fail(&device->report, ANSWER_REFUSED, "no 206 but %d", exchange.status);
  if (device->options.chunk == 0) return DONE;
  if (device->options.new_connection_per_range) connection_close(&device->connection);
  return fetch_in_ranges(device, total);
}

static Outcome run_resume(Device *device) {
  const Options *options = &device->options;
  if (options->offset == 0 && options->chunk > 0) return run_partial(device);
  if (options->offset > 0) {
    Outcome outcome = slot_restore(&device->slot, &device->report, options->have_file, (size_t)options->offset);
    if (outcome != DONE) return outcome;
  }
  long long total = -1;
  if (options->chunk > 0) {
    Outcome outcome = ask_length(device, &total);
    if (outcome != DONE) return outcome;
  }
  return resume(device, total);
}

/* Nothing is asked for: the server's price of a handshake, without that of an answer. */
static Outcome run_handshakes(Device *device) {
  for (long at = 0; at < device->options.handshakes; at++) {
    Outcome outcome = connection_open(&device->connection);
    if (outcome != DONE) return outcome;
    connection_close(&device->connection);
  }
  return DONE;
}

static Outcome run_flow(Device *device) {
  if (device->options.handshakes > 0) return run_handshakes(device);
  switch (device->options.flow) {
    case FLOW_PARTIAL: return run_partial(device);
    case FLOW_RESUME: return run_resume(device);
    case FLOW_PLAIN: break;
  }
  return fetch(device, NULL);
}

static Outcome load_pem(Report *report, Pem *pem, const char *file) {
  FILE *stream = fopen(file, "rb");
  if (stream == NULL) return fail(report, WRONG_USAGE, "cannot read %s: %s", file, strerror(errno));
  size_t length = fread(pem->text, 1, sizeof pem->text - 1, stream);
  fclose(stream);
  pem->text[length] = '\0';
  pem->length = length + 1;
  return DONE;
}

static Outcome load_files(Device *device) {
  const Options *options = &device->options;
  Connection *connection = &device->connection;
  Outcome outcome = load_pem(&device->report, &connection->trust_pem, options->ca_file);
  if (outcome == DONE && options->certificate_file != NULL) {
    outcome = load_pem(&device->report, &connection->own_certificate_pem, options->certificate_file);
    if (outcome == DONE) outcome = load_pem(&device->report, &connection->own_key_pem, options->key_file);
  }
  return outcome == DONE ? session_load(connection) : outcome;
}

static Outcome run(Device *device, int count, char **arguments) {
  Outcome outcome = options_read(&device->options, &device->report, count, arguments);
  if (outcome != DONE) return outcome;
  device->slot.chip_id = device->options.chip_id;
  outcome = load_files(device);
  if (outcome != DONE) return outcome;
  outcome = run_flow(device);
  Outcome saved = session_save(&device->connection);
  return outcome == DONE ? saved : outcome;
}

int main(int count, char **arguments) {
  static Device device;
  /* A server that hangs up is an ordinary answer here, not a reason to die without a report. */
  signal(SIGPIPE, SIG_IGN);
  connection_init(&device.connection, &device.options, &device.report);
  Outcome outcome = run(&device, count, arguments);
  connection_free(&device.connection);

  Outcome recorded = slot_record(&device.slot, &device.report, device.options.out_file);
  report_print(&device.report);
  free(device.slot.bytes);
  return (int)(outcome == DONE ? recorded : outcome);
}
