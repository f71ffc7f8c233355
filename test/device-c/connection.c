#include "connection.h"

#include <errno.h>
#include <fcntl.h>
#include <mbedtls/version.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#if MBEDTLS_VERSION_MAJOR != 2
#error "needs mbedTLS 2.28, the library of ESP-IDF 4.4"
#endif

void connection_init(Connection *connection, const Options *options, Report *report) {
  memset(connection, 0, sizeof *connection);
  connection->options = options;
  connection->report = report;
  mbedtls_ssl_session_init(&connection->session);
}

static double now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1000.0 + (double)now.tv_nsec / 1e6;
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

/*
 * Sees every certificate of the chain. ESP-IDF leaves MBEDTLS_HAVE_TIME_DATE off, so a device minds no dates. And no
 * certificate at all means a resumed session: in TLS 1.2 only the full handshake sends them.
 */
static int inspect_certificate(void *context, mbedtls_x509_crt *certificate, int depth, uint32_t *flags) {
  (void)certificate;
  (void)depth;
  ((Connection *)context)->saw_certificate = true;
  *flags &= ~(uint32_t)(MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE);
  return 0;
}

/* The suites of ESP-IDF's default configuration: AES only, and no key exchange but RSA and ECDHE. */
static const int *device_ciphersuites(void) {
  static int chosen[64];
  size_t count = 0;
  for (const int *suite = mbedtls_ssl_list_ciphersuites(); *suite != 0; suite++) {
    const char *name = mbedtls_ssl_get_ciphersuite_name(*suite);
    bool has_exchange = (strncmp(name, "TLS-ECDHE-", 10) == 0 && strncmp(name, "TLS-ECDHE-PSK-", 14) != 0) ||
                        strncmp(name, "TLS-RSA-WITH-", 13) == 0;
    if (!has_exchange || strstr(name, "-WITH-AES-") == NULL) continue;
    if (count + 1 == sizeof chosen / sizeof chosen[0]) break;
    chosen[count++] = *suite;
  }
  chosen[count] = 0;
  return chosen;
}

static unsigned char max_fragment_code(long length) {
  switch (length) {
    case 512: return MBEDTLS_SSL_MAX_FRAG_LEN_512;
    case 1024: return MBEDTLS_SSL_MAX_FRAG_LEN_1024;
    case 2048: return MBEDTLS_SSL_MAX_FRAG_LEN_2048;
    case 4096: return MBEDTLS_SSL_MAX_FRAG_LEN_4096;
    default: return MBEDTLS_SSL_MAX_FRAG_LEN_NONE;
  }
}

static Outcome load_trust(Connection *connection) {
  int parsed = mbedtls_x509_crt_parse(&connection->trust, connection->trust_pem, connection->trust_pem_length);
  if (parsed < 0) {
    return fail(connection->report, HANDSHAKE_FAILED, "mbedtls_x509_crt_parse returned -0x%04X", (unsigned)-parsed);
  }
  if (parsed > 0) {
    fprintf(stderr, "mbedtls_x509_crt_parse was partly successful. No. of failed certificates: %d\n", parsed);
  }
  return DONE;
}

static int configure(Connection *connection) {
  mbedtls_ssl_config *config = &connection->config;
  int trouble = mbedtls_ctr_drbg_seed(&connection->random, mbedtls_entropy_func, &connection->entropy, NULL, 0);
  if (trouble == 0) {
    trouble = mbedtls_ssl_config_defaults(config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                          MBEDTLS_SSL_PRESET_DEFAULT);
  }
  if (trouble != 0) return trouble;
  mbedtls_ssl_conf_rng(config, mbedtls_ctr_drbg_random, &connection->random);
  mbedtls_ssl_conf_authmode(config, MBEDTLS_SSL_VERIFY_REQUIRED);
  mbedtls_ssl_conf_ca_chain(config, &connection->trust, NULL);
  mbedtls_ssl_conf_verify(config, inspect_certificate, connection);
  mbedtls_ssl_conf_ciphersuites(config, device_ciphersuites());
  mbedtls_ssl_conf_read_timeout(config, (uint32_t)connection->options->timeout_ms);
  return mbedtls_ssl_conf_max_frag_len(config, max_fragment_code(connection->options->max_fragment));
}

static int set_up(Connection *connection) {
  int trouble = configure(connection);
  if (trouble == 0) trouble = mbedtls_ssl_setup(&connection->tls, &connection->config);
  /* The host text goes in for an IP address too: that is why old devices need it as a dNSName. */
  if (trouble == 0) trouble = mbedtls_ssl_set_hostname(&connection->tls, connection->options->url.host);
  if (trouble == 0 && connection->has_session) {
    trouble = mbedtls_ssl_set_session(&connection->tls, &connection->session);
  }
  mbedtls_ssl_set_bio(&connection->tls, &connection->socket, mbedtls_net_send, NULL, mbedtls_net_recv_timeout);
  return trouble;
}

static void say_verification(Connection *connection) {
  uint32_t flags = mbedtls_ssl_get_verify_result(&connection->tls);
  if (!connection->saw_certificate || flags == 0) return;
  char reasons[512];
  mbedtls_x509_crt_verify_info(reasons, sizeof reasons, "  ! ", flags);
  fprintf(stderr, "Failed to verify peer certificate!\nverification flags: 0x%x\nverification info:\n%s",
          (unsigned)flags, reasons);
}

static int wants_again(int result) {
  return result == MBEDTLS_ERR_SSL_WANT_READ || result == MBEDTLS_ERR_SSL_WANT_WRITE;
}

static void keep_session(Connection *connection) {
  if (!connection->options->session_resume || connection->has_session) return;
  connection->has_session = mbedtls_ssl_get_session(&connection->tls, &connection->session) == 0;
}

static Outcome shake_hands(Connection *connection) {
  Report *report = connection->report;
  double started_at = now_ms();
  int result;
  do {
    result = mbedtls_ssl_handshake(&connection->tls);
  } while (wants_again(result));
  if (result != 0) {
    Outcome outcome = fail(report, HANDSHAKE_FAILED, "mbedtls_ssl_handshake returned -0x%04X", (unsigned)-result);
    say_verification(connection);
    return outcome;
  }
  if (report->connections == 1) report->handshake_ms = now_ms() - started_at;
  if (!connection->saw_certificate) report->resumed = true;
  snprintf(report->tls, sizeof report->tls, "%s", mbedtls_ssl_get_version(&connection->tls));
  snprintf(report->ciphersuite, sizeof report->ciphersuite, "%s", mbedtls_ssl_get_ciphersuite(&connection->tls));
  keep_session(connection);
  return DONE;
}

Outcome connection_open(Connection *connection) {
  mbedtls_net_init(&connection->socket);
  mbedtls_ssl_init(&connection->tls);
  mbedtls_ssl_config_init(&connection->config);
  mbedtls_x509_crt_init(&connection->trust);
  mbedtls_entropy_init(&connection->entropy);
  mbedtls_ctr_drbg_init(&connection->random);
  connection->is_open = true;
  connection->saw_certificate = false;

  Outcome outcome = open_socket(connection);
  /* After connecting, as esp-tls does: a server sees a device with an unreadable certificate come and go. */
  if (outcome == DONE) outcome = load_trust(connection);
  if (outcome != DONE) return outcome;
  int trouble = set_up(connection);
  if (trouble != 0) {
    return fail(connection->report, HANDSHAKE_FAILED, "mbedtls_ssl_setup returned -0x%04X", (unsigned)-trouble);
  }
  return shake_hands(connection);
}

Outcome connection_write(Connection *connection, const char *text, size_t length) {
  while (length > 0) {
    int written = mbedtls_ssl_write(&connection->tls, (const unsigned char *)text, length);
    if (wants_again(written)) continue;
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
  } while (wants_again(result));
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

void connection_close(Connection *connection) {
  if (!connection->is_open) return;
  connection->is_open = false;
  mbedtls_net_free(&connection->socket);
  mbedtls_ssl_free(&connection->tls);
  mbedtls_ssl_config_free(&connection->config);
  mbedtls_x509_crt_free(&connection->trust);
  mbedtls_ctr_drbg_free(&connection->random);
  mbedtls_entropy_free(&connection->entropy);
}

void connection_free(Connection *connection) {
  connection_close(connection);
  mbedtls_ssl_session_free(&connection->session);
}
