#include "handshake.h"

#include <stdio.h>
#include <time.h>

static double now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1000.0 + (double)now.tv_nsec / 1e6;
}

static void say_verification(Connection *connection) {
  uint32_t flags = mbedtls_ssl_get_verify_result(&connection->tls);
  if (!connection->saw_certificate || flags == 0) return;
  char reasons[512];
  mbedtls_x509_crt_verify_info(reasons, sizeof reasons, "  ! ", flags);
  fprintf(stderr, "Failed to verify peer certificate!\nverification flags: 0x%x\nverification info:\n%s",
          (unsigned)flags, reasons);
}

static Outcome refuse(Connection *connection, int result) {
  Outcome outcome =
      fail(connection->report, HANDSHAKE_FAILED, "mbedtls_ssl_handshake returned -0x%04X", (unsigned)-result);
  say_verification(connection);
  return outcome;
}

/* A file gets the newest session; without one, the run takes up the first it got. */
static void keep_session(Connection *connection) {
  const Options *options = connection->options;
  bool is_first = options->session_resume && !connection->has_session;
  if (options->session_file == NULL && !is_first) return;
  connection->has_session = mbedtls_ssl_get_session(&connection->tls, &connection->session) == 0;
  connection->got_session = connection->has_session;
}

/* Steps until a later state than `state` is reached; the handshake may be over then. */
static int step_past(Connection *connection, int state) {
  int result = 0;
  while (connection->tls.state <= state && (result == 0 || connection_wants_again(result))) {
    result = mbedtls_ssl_handshake_step(&connection->tls);
  }
  return connection_wants_again(result) ? 0 : result;
}

/* Waits for the server's answer to begin, so that the server has a handshake to lose. */
static int await_answer(Connection *connection) {
  unsigned char byte;
  int given = mbedtls_net_recv_timeout(&connection->socket, &byte, 1, (uint32_t)connection->options->timeout_ms);
  if (given == 0) return MBEDTLS_ERR_SSL_CONN_EOF;
  return given < 0 ? given : 0;
}

static Outcome quit(Connection *connection) {
  bool is_early = connection->options->quit_at == QUIT_AT_HELLO;
  int result = step_past(connection, is_early ? MBEDTLS_SSL_CLIENT_HELLO : MBEDTLS_SSL_SERVER_KEY_EXCHANGE);
  if (result == 0 && is_early) result = await_answer(connection);
  if (result != 0) return refuse(connection, result);
  connection_reset(connection);
  return fail(connection->report, HANDSHAKE_FAILED, "quit at %s", is_early ? "hello" : "certificate");
}

static void record(Connection *connection, double duration_ms) {
  Report *report = connection->report;
  if (report->handshakes == 0) report->handshake_ms = duration_ms;
  report->handshakes++;
  report->handshakes_ms += duration_ms;
  if (!connection->saw_certificate) report->resumed = true;
  snprintf(report->tls, sizeof report->tls, "%s", mbedtls_ssl_get_version(&connection->tls));
  snprintf(report->ciphersuite, sizeof report->ciphersuite, "%s", mbedtls_ssl_get_ciphersuite(&connection->tls));
}

Outcome handshake_run(Connection *connection) {
  if (connection->options->quit_at != QUIT_NEVER) return quit(connection);
  double started_at = now_ms();
  int result;
  do {
    result = mbedtls_ssl_handshake(&connection->tls);
  } while (connection_wants_again(result));
  if (result != 0) return refuse(connection, result);
  record(connection, now_ms() - started_at);
  keep_session(connection);
  return DONE;
}
