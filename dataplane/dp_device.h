/* dp_device: what a worker asks of what it has under way in a crypto device (eng.h's flight).
 *
 * The worker's own; all of an engine without a device is false or never asked: see `asynchronous` in esp.h. */
#ifndef DATAPLANE_DP_DEVICE_H
#define DATAPLANE_DP_DEVICE_H

#include "dataplane/dp_worker.h"

/* Operations that one more burst may need, with what it is cut into. */
enum { DP_DEVICE_ROOM = 4 * ESP_BURST_MAX };

/* A device that is behind is given nothing more: what arrives waits in the ports' rings, as with a worker that is behind. */
static inline bool dp_device_has_room(const struct dp_worker *w)
{
    struct eng_flight f;
    esp_flight(&w->esp, &f);
    return f.room >= DP_DEVICE_ROOM;
}

static inline bool dp_device_has_packets(const struct dp_worker *w)
{
    struct eng_flight f;
    esp_flight(&w->esp, &f);
    return f.submitted != f.delivered;
}

#endif
