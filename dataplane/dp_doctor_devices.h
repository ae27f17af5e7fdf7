/* dp_doctor_devices: would culvert-dp's EAL take its arguments, and DPDK's drivers its devices?
 *
 * Found out without taking a device: arguments are read by an EAL in a process of its own that ends before it touches memory or
 * devices; cards are looked up in the tables that drivers carry for dpdk-pmdinfo; of virtual devices those are made that open nothing
 * of anybody's. What a driver refuses at its start is not found. */
#ifndef DATAPLANE_DP_DOCTOR_DEVICES_H
#define DATAPLANE_DP_DOCTOR_DEVICES_H

#include "common/platform.h"

#include <stdbool.h>
#include <stddef.h>

enum { DOCTOR_WHY = 256, DOCTOR_DRIVER = 64 };

/* Before this process has an EAL. False with the EAL's own words in why (DOCTOR_WHY octets) when it does not understand them. */
bool dp_doctor_arguments(const struct platform *p, char *why);

/* With an EAL, which has loaded the drivers. device: "0000:03:00.0,args" or "net_null0,args". driver (DOCTOR_DRIVER octets): whose it is, "" when
 * that is not known; why (DOCTOR_WHY octets): "", or why culvert-dp would not start with it. */
void dp_doctor_device(bool is_pci, const char *device, char *driver, char *why);

/* The driver that knows a card with these ids; false: none of those that are loaded. */
bool dp_doctor_card(unsigned vendor, unsigned device, char *driver);

/* PCI ids among those of a driver's table as it stands in its .so: {"name": "net_x", ..., "pci_ids": [[32902, 5490, 65535, 65535], ...]}.
 * True with its name in driver when they are. */
bool dp_doctor_table_has(const char *table, unsigned vendor, unsigned device, char *driver);

#endif
