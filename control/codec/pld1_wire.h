/* pld1_wire: numbers of IKEv1's wire format that parser and builder share. Private to control/codec. */
#ifndef CONTROL_CODEC_PLD1_WIRE_H
#define CONTROL_CODEC_PLD1_WIRE_H

enum {
    PLD1_NONE = 0,
    PLD1_SPI_CHILD = 4,
    PLD1_SPI_CPI = 2, /* IPCOMP, RFC 3173 4.1 */
    PLD1_SPI_ISAKMP = 16,

    /* RFC 2408 3.5, 3.6: next payload of proposals and transforms, and fixed parts */
    PLD1_MORE_PROPOSALS = 2,
    PLD1_MORE_TRANSFORMS = 3,
    PLD1_SUB_HEADER = 4,
    PLD1_PROPOSAL_LEN = 8,
    PLD1_TRANSFORM_LEN = 8,

    /* RFC 2408 3.3 */
    PLD1_ATTR_TV = 0x8000,

    /* RFC 2409 Appendix A, phase 1 */
    PLD1_A1_ENCR = 1,
    PLD1_A1_HASH = 2,
    PLD1_A1_AUTH = 3,
    PLD1_A1_GROUP = 4,
    PLD1_A1_LIFE_TYPE = 11,
    PLD1_A1_LIFE_DURATION = 12,
    PLD1_A1_KEY_LENGTH = 14,

    /* RFC 2407 4.5, RFC 4304, phase 2 */
    PLD1_A2_LIFE_TYPE = 1,
    PLD1_A2_LIFE_DURATION = 2,
    PLD1_A2_GROUP = 3,
    PLD1_A2_ENCAP = 4,
    PLD1_A2_INTEG = 5,
    PLD1_A2_KEY_LENGTH = 6,
    PLD1_A2_ESN = 11,

    PLD1_LIFE_SECONDS = 1,
    PLD1_LIFE_KILOBYTES = 2,

    PLD1_FRAGMENT_LAST = 1,
};

#endif
