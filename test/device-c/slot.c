#include "slot.h"

#include <errno.h>
#include <mbedtls/sha256.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* DEFAULT_OTA_BUF_SIZE of esp_https_ota from v5.0 on: it reads this much before anything else. */
#define HEADERS_LENGTH 1024
#define IMAGE_MAGIC 0xe9
/* chip_id of esp_image_header_t, little-endian. */
#define CHIP_ID_AT 12
#define SLOT_LIMIT (64u * 1024 * 1024)

static Outcome make_room(Slot *slot, Report *report, size_t wanted) {
  if (wanted > SLOT_LIMIT) return fail(report, IMAGE_REFUSED, "esp_ota_write failed! err=0x104: the slot is full");
  if (wanted <= slot->room) return DONE;
  size_t room = slot->room == 0 ? 256 * 1024 : slot->room;
  while (room < wanted) room *= 2;
  unsigned char *bytes = realloc(slot->bytes, room);
  if (bytes == NULL) return fail(report, IMAGE_REFUSED, "no memory for an image of %zu bytes", wanted);
  slot->bytes = bytes;
  slot->room = room;
  return DONE;
}

/* In ESP-IDF's order: esp_https_ota asks for the chip before esp_ota_write asks for the magic byte. */
static Outcome check_headers(Slot *slot, Report *report) {
  long chip_id = slot->bytes[CHIP_ID_AT] | slot->bytes[CHIP_ID_AT + 1] << 8;
  if (slot->chip_id >= 0 && chip_id != slot->chip_id) {
    return fail(report, IMAGE_REFUSED, "Mismatch chip id, expected %ld, found %ld", slot->chip_id, chip_id);
  }
  if (slot->bytes[0] != IMAGE_MAGIC) {
    return fail(report, IMAGE_REFUSED, "OTA image has invalid magic byte (expected 0xE9, saw 0x%02x)", slot->bytes[0]);
  }
  slot->headers_seen = true;
  return DONE;
}

Outcome slot_append(Slot *slot, Report *report, const unsigned char *bytes, size_t length) {
  Outcome outcome = make_room(slot, report, slot->length + length);
  if (outcome != DONE) return outcome;
  memcpy(slot->bytes + slot->length, bytes, length);
  slot->length += length;
  if (slot->headers_seen || slot->length < HEADERS_LENGTH) return DONE;
  return check_headers(slot, report);
}

Outcome slot_has_headers(const Slot *slot, Report *report) {
  if (slot->headers_seen) return DONE;
  return fail(report, IMAGE_REFUSED, "Complete headers were not received");
}

Outcome slot_restore(Slot *slot, Report *report, const char *file, size_t length) {
  Outcome outcome = make_room(slot, report, length);
  if (outcome != DONE) return outcome;
  FILE *stream = fopen(file, "rb");
  if (stream == NULL) return fail(report, WRONG_USAGE, "cannot read %s: %s", file, strerror(errno));
  slot->length = fread(slot->bytes, 1, length, stream);
  fclose(stream);
  if (slot->length < length) return fail(report, WRONG_USAGE, "%s has no %zu bytes to resume from", file, length);
  slot->headers_seen = true;
  return DONE;
}

void slot_erase(Slot *slot) {
  slot->length = 0;
  slot->headers_seen = false;
}

static void write_digest(const Slot *slot, Report *report) {
  unsigned char digest[32];
  mbedtls_sha256_ret(slot->bytes, slot->length, digest, 0);
  for (size_t at = 0; at < sizeof digest; at++) snprintf(report->sha256 + 2 * at, 3, "%02x", digest[at]);
}

Outcome slot_record(const Slot *slot, Report *report, const char *file) {
  report->bytes = slot->length;
  write_digest(slot, report);
  if (file == NULL) return DONE;
  FILE *stream = fopen(file, "wb");
  if (stream == NULL) return fail(report, WRONG_USAGE, "cannot write %s: %s", file, strerror(errno));
  size_t written = slot->length == 0 ? 0 : fwrite(slot->bytes, 1, slot->length, stream);
  if (fclose(stream) != 0 || written < slot->length) return fail(report, WRONG_USAGE, "cannot write all of %s", file);
  return DONE;
}
