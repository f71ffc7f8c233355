/* The device's flash slot: takes the image as it comes, and looks at its first 1024 bytes before it keeps the first. */
#ifndef OTAD_DEVICE_SLOT_H
#define OTAD_DEVICE_SLOT_H

#include "report.h"

typedef struct {
  unsigned char *bytes;
  size_t length;
  size_t room;
  long chip_id; /* -1 = any chip */
  bool headers_seen;
} Slot;

Outcome slot_append(Slot *slot, Report *report, const unsigned char *bytes, size_t length);

/* Says no when a first answer ended before the headers were complete. */
Outcome slot_has_headers(const Slot *slot, Report *report);

/* Makes the slot what an interrupted download left in it. The headers were looked at then, and are not again. */
Outcome slot_restore(Slot *slot, Report *report, const char *file, size_t length);
void slot_erase(Slot *slot);

/* Writes down how much the slot holds and its digest; to a file as well, unless that is NULL. */
Outcome slot_record(const Slot *slot, Report *report, const char *file);

#endif
