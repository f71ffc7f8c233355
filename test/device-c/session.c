#include "session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SESSION_LIMIT (64 * 1024)

Outcome session_load(Connection *connection) {
  static unsigned char bytes[SESSION_LIMIT];
  const char *file = connection->options->session_file;
  FILE *stream = file == NULL ? NULL : fopen(file, "rb");
  if (file == NULL || (stream == NULL && errno == ENOENT)) return DONE;
  if (stream == NULL) return fail(connection->report, WRONG_USAGE, "cannot read %s: %s", file, strerror(errno));
  size_t length = fread(bytes, 1, sizeof bytes, stream);
  fclose(stream);
  int trouble = mbedtls_ssl_session_load(&connection->session, bytes, length);
  if (trouble != 0) {
    return fail(connection->report, WRONG_USAGE, "%s holds no TLS session: mbedtls_ssl_session_load returned -0x%04X",
                file, (unsigned)-trouble);
  }
  connection->has_session = true;
  return DONE;
}

static Outcome write_session(Report *report, const char *file, const unsigned char *bytes, size_t length) {
  FILE *stream = fopen(file, "wb");
  if (stream == NULL) return fail(report, WRONG_USAGE, "cannot write %s: %s", file, strerror(errno));
  size_t written = fwrite(bytes, 1, length, stream);
  if (fclose(stream) != 0 || written < length) return fail(report, WRONG_USAGE, "cannot write all of %s", file);
  return DONE;
}

Outcome session_save(Connection *connection) {
  static unsigned char bytes[SESSION_LIMIT];
  const char *file = connection->options->session_file;
  if (file == NULL || !connection->got_session) return DONE;
  size_t length;
  int trouble = mbedtls_ssl_session_save(&connection->session, bytes, sizeof bytes, &length);
  if (trouble != 0) {
    return fail(connection->report, HANDSHAKE_FAILED, "mbedtls_ssl_session_save returned -0x%04X", (unsigned)-trouble);
  }
  return write_session(connection->report, file, bytes, length);
}
