/* esp_inline: packets of SAs whose NIC does ESP as a whole ("inline protocol"): inner ones, on either side. Internal to esp, but for
 * esp_in_whole, which is the worker's.
 *
 * Numbers going out and the window coming in are the NIC's. What ESP counts here, sends by and checks is what is left: selectors, limits,
 * counters, events. */
#ifndef DATAPLANE_ESP_ESP_INLINE_H
#define DATAPLANE_ESP_ESP_INLINE_H

#include "dataplane/esp/esp_out.h"

/* In place of an SA's builder: the packets stay as they are. The numbers of the part count what the NIC is given. */
esp_out_build_fn esp_inline_build;

#endif
