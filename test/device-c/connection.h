/*
 * One TLS connection as ESP-IDF 4.4 opens it: same library, same demands on the certificate, same silence on validity
 * dates. It ends by closing the socket, without a close-notify, as a device that has what it wanted does.
 */
#ifndef OTAD_DEVICE_CONNECTION_H
#define OTAD_DEVICE_CONNECTION_H

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>

#include "options.h"
#include "report.h"

typedef struct {
  const Options *options;
  Report *report;
  unsigned char *trust_pem; /* ends with a 0 byte, which mbedTLS wants counted */
  size_t trust_pem_length;
  bool is_open;
  bool saw_certificate;
  bool has_session;
  mbedtls_ssl_session session;
  mbedtls_net_context socket;
  mbedtls_ssl_context tls;
  mbedtls_ssl_config config;
  mbedtls_x509_crt trust;
  mbedtls_entropy_context entropy;
  mbedtls_ctr_drbg_context random;
} Connection;

void connection_init(Connection *connection, const Options *options, Report *report);
Outcome connection_open(Connection *connection);
Outcome connection_write(Connection *connection, const char *text, size_t length);

/* Gives what has come; nothing at all means that the server hung up. */
Outcome connection_read(Connection *connection, unsigned char *into, size_t room, size_t *length);
void connection_close(Connection *connection);

/* Closes what is open and forgets the saved TLS session. */
void connection_free(Connection *connection);

#endif
