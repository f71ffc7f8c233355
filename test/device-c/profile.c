#include "profile.h"

#include <stdio.h>
#include <string.h>

#define DATE_FLAGS (uint32_t)(MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE)

/*
 * esp_crt_verify_callback asks the bundle only about a certificate whose single fault is an issuer unknown so far, and
 * its no is no flag but an error. mbedTLS then forgets the other flags and sends access_denied, not unknown_ca.
 */
static int ask_bundle(uint32_t flags) {
  if ((flags & ~(uint32_t)MBEDTLS_X509_BADCERT_BAD_MD) != MBEDTLS_X509_BADCERT_NOT_TRUSTED) return 0;
  fputs("No matching trusted root certificate found\nFailed to verify certificate\n", stderr);
  return MBEDTLS_ERR_X509_FATAL_ERROR;
}

/*
 * Sees every certificate of the chain. ESP-IDF leaves MBEDTLS_HAVE_TIME_DATE off, so a device minds no dates unless it
 * was built to. And no certificate at all means a resumed session: in TLS 1.2 only the full handshake sends them.
 */
static int inspect_certificate(void *context, mbedtls_x509_crt *certificate, int depth, uint32_t *flags) {
  Connection *connection = context;
  (void)certificate;
  (void)depth;
  connection->saw_certificate = true;
  if (!connection->options->check_dates) *flags &= ~DATE_FLAGS;
  return connection->options->trust_bundle ? ask_bundle(*flags) : 0;
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

static Outcome load_certificates(Report *report, mbedtls_x509_crt *into, const Pem *pem) {
  int parsed = mbedtls_x509_crt_parse(into, pem->text, pem->length);
  if (parsed < 0) return fail(report, HANDSHAKE_FAILED, "mbedtls_x509_crt_parse returned -0x%04X", (unsigned)-parsed);
  if (parsed > 0) {
    fprintf(stderr, "mbedtls_x509_crt_parse was partly successful. No. of failed certificates: %d\n", parsed);
  }
  return DONE;
}

static Outcome load_own(Connection *connection) {
  const Pem *key = &connection->own_key_pem;
  Outcome outcome =
      load_certificates(connection->report, &connection->own_certificate, &connection->own_certificate_pem);
  if (outcome != DONE) return outcome;
  int trouble = mbedtls_pk_parse_key(&connection->own_key, key->text, key->length, NULL, 0);
  if (trouble == 0) return DONE;
  return fail(connection->report, HANDSHAKE_FAILED, "mbedtls_pk_parse_keyfile returned -0x%04X", (unsigned)-trouble);
}

Outcome profile_load(Connection *connection) {
  Outcome outcome = load_certificates(connection->report, &connection->trust, &connection->trust_pem);
  if (outcome != DONE || connection->options->certificate_file == NULL) return outcome;
  return load_own(connection);
}

int profile_configure(Connection *connection) {
  const Options *options = connection->options;
  mbedtls_ssl_config *config = &connection->config;
  int trouble = mbedtls_ctr_drbg_seed(&connection->random, mbedtls_entropy_func, &connection->entropy, NULL, 0);
  if (trouble == 0) {
    trouble = mbedtls_ssl_config_defaults(config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                          MBEDTLS_SSL_PRESET_DEFAULT);
  }
  if (trouble == 0 && options->certificate_file != NULL) {
    trouble = mbedtls_ssl_conf_own_cert(config, &connection->own_certificate, &connection->own_key);
  }
  if (trouble != 0) return trouble;
  /* The lowest version stays TLS 1.0, the default of mbedTLS 2.28. */
  mbedtls_ssl_conf_max_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, options->max_tls_minor);
  mbedtls_ssl_conf_rng(config, mbedtls_ctr_drbg_random, &connection->random);
  mbedtls_ssl_conf_authmode(config, MBEDTLS_SSL_VERIFY_REQUIRED);
  mbedtls_ssl_conf_ca_chain(config, &connection->trust, NULL);
  mbedtls_ssl_conf_verify(config, inspect_certificate, connection);
  mbedtls_ssl_conf_ciphersuites(config, options->ciphersuites[0] == 0 ? device_ciphersuites() : options->ciphersuites);
  mbedtls_ssl_conf_read_timeout(config, (uint32_t)options->timeout_ms);
  return mbedtls_ssl_conf_max_frag_len(config, max_fragment_code(options->max_fragment));
}
