/* pld_wire: numbers of the wire format that parser and builder share. Private to control/codec. */
#ifndef CONTROL_CODEC_PLD_WIRE_H
#define CONTROL_CODEC_PLD_WIRE_H

enum {
    /* RFC 7296 3.1: offsets in the header */
    PLD_AT_NEXT_PAYLOAD = 16,
    PLD_AT_LENGTH = 24,
    PLD_VERSION_2 = 0x20,

    /* RFC 7296 3.3.1, 3.3.2: "more follow" marks and fixed parts */
    PLD_LAST = 0,
    PLD_MORE_PROPOSALS = 2,
    PLD_MORE_TRANSFORMS = 3,
    PLD_PROPOSAL_LEN = 8,
    PLD_TRANSFORM_LEN = 8,

    /* RFC 7296 3.3.5 */
    PLD_ATTR_TV = 0x8000,
    PLD_ATTR_KEY_LENGTH = 14,
    PLD_ATTR_LEN = 4,

    /* RFC 7296 3.13.1 */
    PLD_TS_IPV4 = 7,
    PLD_TS_IPV6 = 8,
    PLD_TS_FIXED = 8, /* octets before the addresses */

    PLD_SPI_CHILD = 4,
    PLD_PAYLOAD_MAX = 65535,
};

#endif
