/* eng_cryptodev: the engine on a DPDK crypto device (librte_cryptodev): QAT, ccp, or one of DPDK's software drivers.
 *
 * start takes a device's name or PCI address, or the name of a virtual device's driver, which it then makes
 * ("crypto_aesni_mb"), and behind it, optionally, how to work: "look-aside" (queue pairs, one per worker) or "cpu" (a call
 * that returns when the packets are done; RTE_CRYPTODEV_FF_SYM_CPU_CRYPTO). Without the word, "cpu" where the driver has it.
 *
 * Every session has a session of eng_auto beside the device's. What the device cannot do is worked on by that from the start;
 * everything is, once the device has failed: packets that it had taken by then are lost (CV_DROP_CRYPTO_LOST) and never tried
 * again, so no IV is used for two texts; those behind them are done in software, in order. A device has failed when it says so
 * (RTE_CRYPTODEV_EVENT_ERROR), when the kernel asks for it (RTE_DEV_EVENT_REMOVE, of devices of vfio-pci; it is given back then),
 * when it gives back CDEV_ERRORS_MAX packets in a row with errors that are not about the packet's authenticity, or when it has not
 * given back a packet after CDEV_STALL_MS, whatever it does with the others.
 *
 * One device per process. Threads as eng.h has it; start, stop and report are the manager's. */
#ifndef DATAPLANE_ENGINE_ENG_CRYPTODEV_H
#define DATAPLANE_ENGINE_ENG_CRYPTODEV_H

#include "dataplane/engine/eng.h"

extern const struct eng_ops eng_cryptodev;

/* Is the SA's transform worked on by the device? For the control plane's question and for tests. */
bool eng_cryptodev_offloads(const struct cv_sa *sa);

#endif
