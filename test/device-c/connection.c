#include "connection.h"

#include <errno.h>
#include <fcntl.h>
#include <mbedtls/version.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "handshake.h"
#include "profile.h"

#if MBEDTLS_VERSION_MAJOR != 2
#error "needs mbedTLS 2.28, the library of ESP-IDF 4.4"
#endif

void connection_init(Connection *connection, const Options *options, Report *report) {
  memset(connection, 0, sizeof *connection);
  connection->options = options;
  connection->report = report;
  mbedtls_ssl_session_init(&connection->session);
}

/* A non-blocking connect and a wait, as esp_tls.c does it, so that a dead address costs no more than the timeout. */
static int connect_in_time(int socket, const struct addrinfo *address, int timeout_ms) {
  int flags = fcntl(socket, F_GETFL);
  fcntl(socket, F_SETFL, flags | O_NONBLOCK);
  if (connect(socket, address->ai_addr, address->ai_addrlen) != 0) {
    if (errno != EINPROGRESS) return errno;
    struct pollfd waiting = {.fd = socket, .events = POLLOUT};
    if (poll(&waiting, 1, timeout_ms) < 1) return ETIMEDOUT;
    int trouble = 0;
    socklen_t length = sizeof trouble;
    getsockopt(socket, SOL_SOCKET, SO_ERROR, &trouble, &length);
    if (trouble != 0) return trouble;
  }
  fcntl(socket, F_SETFL, flags);
  return 0;
}

static void limit_sending(int socket, long timeout_ms) {
  struct timeval limit = {.tv_sec = timeout_ms / 1000, .tv_usec = (timeout_ms % 1000) * 1000};
  setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

static Outcome open_socket(Connection *connection) {
  const Options *options = connection->options;
  const char *target = options->address == NULL ? options->url.host : options->address;
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  struct addrinfo *found = NULL;
  int looked_up = getaddrinfo(target, options->url.port, &hints, &found);
  if (looked_up != 0) {
    return fail(connection->report, CANNOT_CONNECT, "couldn't get hostname for :%s: getaddrinfo() returns %d: %s",
                target, looked_up, gai_strerror(looked_up));
  }
  /* Only the first address is tried: esp-tls does not go through the list either. */
  int made = socket(found->ai_family, found->ai_socktype, found->ai_protocol);
  int trouble = made < 0 ? errno : connect_in_time(made, found, (int)options->timeout_ms);
  freeaddrinfo(found);
  connection->socket.fd = made;
  if (trouble != 0) {
    return fail(connection->report, CANNOT_CONNECT, "Failed to connect to host %s port %s (errno %d: %s)", target,
                options->url.port, trouble, strerror(trouble));
  }
  limit_sending(made, options->timeout_ms);
  connection->report->connections++;
  return DONE;
}

/* One loaded from a file stands until this run has its own; after that, only --session-resume wants it. */
static bool takes_up_session(const Connection *connection) {
  return connection->has_session && (connection->options->session_resume || !connection->got_session);
}

static int set_up(Connection *connection) {
  int trouble = profile_configure(connection);
  if (trouble == 0) trouble = mbedtls_ssl_setup(&connection->tls, &connection->config);
  /* The host text goes in for an IP address too: that is why old devices need it as a dNSName. */
  const char *name = connection->options->no_name_check ? NULL : connection->options->url.host;
  if (trouble == 0) trouble = mbedtls_ssl_set_hostname(&connection->tls, name);
  if (trouble == 0 && takes_up_session(connection)) {
    trouble = mbedtls_ssl_set_session(&connection->tls, &connection->session);
  }
  mbedtls_ssl_set_bio(&connection->tls, &connection->socket, mbedtls_net_send, NULL, mbedtls_net_recv_timeout);
  return trouble;
}

Outcome connection_open(Connection *connection) {
  mbedtls_net_init(&connection->socket);
  mbedtls_ssl_init(&connection->tls);
  mbedtls_ssl_config_init(&connection->config);
  mbedtls_x509_crt_init(&connection->trust);
  mbedtls_x509_crt_init(&connection->own_certificate);
  mbedtls_pk_init(&connection->own_key);
  mbedtls_entropy_init(&connection->entropy);
  mbedtls_ctr_drbg_init(&connection->random);
  connection->is_open = true;
  connection->saw_certificate = false;

  Outcome outcome = open_socket(connection);
  /* After connecting, as esp-tls does: a server sees a device with an unreadable certificate come and go. */
  if (outcome == DONE) outcome = profile_load(connection);
  if (outcome != DONE) return outcome;
  int trouble = set_up(connection);
  if (trouble != 0) {
    return fail(connection->report, HANDSHAKE_FAILED, "mbedtls_ssl_setup returned -0x%04X", (unsigned)-trouble);
  }
  return handshake_run(connection);
}

bool connection_wants_again(int result) {
  return result == MBEDTLS_ERR_SSL_WANT_READ || result == MBEDTLS_ERR_SSL_WANT_WRITE;
}

Outcome connection_write(Connection *connection, const char *text, size_t length) {
  while (length > 0) {
    int written = mbedtls_ssl_write(&connection->tls, (const unsigned char *)text, length);
    if (connection_wants_again(written)) continue;
    if (written <= 0) {
      return fail(connection->report, TRANSFER_BROKEN, "Failed to establish HTTP connection: write error -0x%04X",
                  (unsigned)-written);
    }
    text += written;
    length -= (size_t)written;
  }
  return DONE;
}

/*
 * After a close-notify ESP-IDF 4.4 goes on waiting for the socket itself to end, and openssl s_server waits for the
 * device: both wait for ever (real-client.md section 2). Here the wait has a limit, so that a test can tell the story.
 */
static Outcome await_hang_up(Connection *connection) {
  char byte;
  struct pollfd waiting = {.fd = connection->socket.fd, .events = POLLIN};
  if (poll(&waiting, 1, (int)connection->options->timeout_ms) == 1 && recv(connection->socket.fd, &byte, 1, 0) <= 0) {
    return DONE;
  }
  return fail(connection->report, TRANSFER_BROKEN,
              "close-notify, but the connection stays open: an ESP-IDF v4.4 device hangs here");
}

/*
 * mbedtls_ssl_read never mixes two records, so what it gave plus what it keeps is the plaintext of one. Exact for every
 * ciphersuite, where the length in the record header would still hold padding and authentication.
 */
static void measure_record(Connection *connection, size_t given) {
  size_t record = given + mbedtls_ssl_get_bytes_avail(&connection->tls);
  if (record > connection->report->max_record) connection->report->max_record = record;
}

Outcome connection_read(Connection *connection, unsigned char *into, size_t room, size_t *length) {
  *length = 0;
  int result;
  do {
    result = mbedtls_ssl_read(&connection->tls, into, room);
  } while (connection_wants_again(result));
  if (result > 0) {
    *length = (size_t)result;
    measure_record(connection, *length);
    return DONE;
  }
  if (result == 0) return DONE;
  if (result == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) return await_hang_up(connection);
  if (result == MBEDTLS_ERR_SSL_TIMEOUT) {
    return fail(connection->report, TRANSFER_BROKEN, "Connection timed out before data was ready! (%ld ms)",
                connection->options->timeout_ms);
  }
  return fail(connection->report, TRANSFER_BROKEN, "esp_https_ota: data read -0x%04X", (unsigned)-result);
}

void connection_reset(Connection *connection) {
  struct linger at_once = {.l_onoff = 1, .l_linger = 0};
  setsockopt(connection->socket.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  /* Not mbedtls_net_free: its shutdown would send a FIN first, and the server would see an ordinary end. */
  close(connection->socket.fd);
  connection->socket.fd = -1;
  connection_close(connection);
}

void connection_close(Connection *connection) {
  if (!connection->is_open) return;
  connection->is_open = false;
  mbedtls_net_free(&connection->socket);
  mbedtls_ssl_free(&connection->tls);
  mbedtls_ssl_config_free(&connection->config);
  mbedtls_x509_crt_free(&connection->trust);
  mbedtls_x509_crt_free(&connection->own_certificate);
  mbedtls_pk_free(&connection->own_key);
  mbedtls_ctr_drbg_free(&connection->random);
  mbedtls_entropy_free(&connection->entropy);
}

void connection_free(Connection *connection) {
  connection_close(connection);
  mbedtls_ssl_session_free(&connection->session);
}
