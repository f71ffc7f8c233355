/*
 * One TLS connection as ESP-IDF 4.4 opens it: same library, same demands on the certificate, same silence on validity
 * dates unless they are to be checked. It ends by closing the socket, without a close-notify, as a device that has what
 * it wanted does.
 */
#ifndef OTAD_DEVICE_CONNECTION_H
#define OTAD_DEVICE_CONNECTION_H

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>

#include "options.h"
#include "report.h"

typedef struct {
  unsigned char text[64 * 1024]; /* ends with a 0 byte, which mbedTLS wants counted */
  size_t length;
} Pem;

typedef struct {
  const Options *options;
  Report *report;
  Pem trust_pem;
  Pem own_certificate_pem;
  Pem own_key_pem;
  bool is_open;
  bool saw_certificate;
  bool has_session;
  bool got_session; /* from a handshake of this run, not from a file */
  mbedtls_ssl_session session;
  mbedtls_net_context socket;
  mbedtls_ssl_context tls;
  mbedtls_ssl_config config;
  mbedtls_x509_crt trust;
  mbedtls_x509_crt own_certificate;
  mbedtls_pk_context own_key;
  mbedtls_entropy_context entropy;
  mbedtls_ctr_drbg_context random;
} Connection;

void connection_init(Connection *connection, const Options *options, Report *report);
Outcome connection_open(Connection *connection);
Outcome connection_write(Connection *connection, const char *text, size_t length);

/* Gives what has come; nothing at all means that the server hung up. */
Outcome connection_read(Connection *connection, unsigned char *into, size_t room, size_t *length);
void connection_close(Connection *connection);

/* Ends it as a device that loses its power: the server sees a TCP reset. */
void connection_reset(Connection *connection);

/* Whether a call into mbedTLS was only interrupted and is to be made again. */
bool connection_wants_again(int result);

/* Closes what is open and forgets the saved TLS session. */
void connection_free(Connection *connection);

#endif
