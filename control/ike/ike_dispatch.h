/* ike_dispatch: ike_datagram_in (ike.h) and its bound. */
#ifndef CONTROL_IKE_IKE_DISPATCH_H
#define CONTROL_IKE_IKE_DISPATCH_H

/* Longer datagrams are dropped unread. Our own messages stay under it, and no peer needs as much. */
enum { IKE_DATAGRAM_MAX = 16384 };

#endif
