/* What people call the numbers: RFC 2408 3.1, 3.14.1, RFC 2407 4.6.3, RFC 3706, RFC 3947. */
#include "control/codec/pld1.h"

struct name {
    uint16_t number;
    const char *text;
};

static const struct name notifies[] = {
    {PLD1_N_INVALID_PAYLOAD_TYPE, "INVALID-PAYLOAD-TYPE"},
    {PLD1_N_DOI_NOT_SUPPORTED, "DOI-NOT-SUPPORTED"},
    {PLD1_N_SITUATION_NOT_SUPPORTED, "SITUATION-NOT-SUPPORTED"},
    {PLD1_N_INVALID_COOKIE, "INVALID-COOKIE"},
    {PLD1_N_INVALID_MAJOR_VERSION, "INVALID-MAJOR-VERSION"},
    {PLD1_N_INVALID_EXCHANGE_TYPE, "INVALID-EXCHANGE-TYPE"},
    {PLD1_N_INVALID_FLAGS, "INVALID-FLAGS"},
    {PLD1_N_INVALID_MESSAGE_ID, "INVALID-MESSAGE-ID"},
    {PLD1_N_INVALID_PROTOCOL_ID, "INVALID-PROTOCOL-ID"},
    {PLD1_N_INVALID_SPI, "INVALID-SPI"},
    {PLD1_N_ATTRIBUTES_NOT_SUPPORTED, "ATTRIBUTES-NOT-SUPPORTED"},
    {PLD1_N_NO_PROPOSAL_CHOSEN, "NO-PROPOSAL-CHOSEN"},
    {PLD1_N_BAD_PROPOSAL_SYNTAX, "BAD-PROPOSAL-SYNTAX"},
    {PLD1_N_PAYLOAD_MALFORMED, "PAYLOAD-MALFORMED"},
    {PLD1_N_INVALID_KEY_INFORMATION, "INVALID-KEY-INFORMATION"},
    {PLD1_N_INVALID_ID_INFORMATION, "INVALID-ID-INFORMATION"},
    {PLD1_N_INVALID_HASH_INFORMATION, "INVALID-HASH-INFORMATION"},
    {PLD1_N_AUTHENTICATION_FAILED, "AUTHENTICATION-FAILED"},
    {PLD1_N_INVALID_SIGNATURE, "INVALID-SIGNATURE"},
    {PLD1_N_UNEQUAL_PAYLOAD_LENGTHS, "UNEQUAL-PAYLOAD-LENGTHS"},
    {PLD1_N_CONNECTED, "CONNECTED"},
    {PLD1_N_RESPONDER_LIFETIME, "RESPONDER-LIFETIME"},
    {PLD1_N_REPLAY_STATUS, "REPLAY-STATUS"},
    {PLD1_N_INITIAL_CONTACT, "INITIAL-CONTACT"},
    {PLD1_N_R_U_THERE, "R-U-THERE"},
    {PLD1_N_R_U_THERE_ACK, "R-U-THERE-ACK"},
};

static const struct name exchanges[] = {
    {PLD1_MAIN, "Main Mode"},
    {PLD1_AGGRESSIVE, "Aggressive Mode"},
    {PLD1_INFORMATIONAL, "Informational"},
    {PLD1_QUICK, "Quick Mode"},
};

static const struct name types[] = {
    {PLD1_SA, "SA"},
    {PLD1_KE, "KE"},
    {PLD1_ID, "ID"},
    {PLD1_CERT, "CERT"},
    {PLD1_CERTREQ, "CERTREQ"},
    {PLD1_HASH, "HASH"},
    {PLD1_SIG, "SIG"},
    {PLD1_NONCE, "NONCE"},
    {PLD1_NOTIFY, "NOTIFY"},
    {PLD1_DELETE, "DELETE"},
    {PLD1_VENDOR, "VENDOR"},
    {PLD1_NAT_D, "NAT-D"},
    {PLD1_NAT_OA, "NAT-OA"},
    {PLD1_NAT_D_DRAFT, "NAT-D (draft)"},
    {PLD1_NAT_OA_DRAFT, "NAT-OA (draft)"},
    {PLD1_FRAGMENT, "FRAGMENT"},
};

static const char *find(const struct name *names, size_t count, uint16_t number)
{
    for (size_t i = 0; i < count; i++)
        if (names[i].number == number)
            return names[i].text;
    return "unknown";
}
#define FIND(names, number) find(names, sizeof(names) / sizeof *(names), number)

const char *pld1_notify_name(uint16_t type)
{
    return FIND(notifies, type);
}

const char *pld1_exchange_name(uint8_t exchange)
{
    return FIND(exchanges, exchange);
}

const char *pld1_type_name(uint8_t type)
{
    return FIND(types, type);
}

uint16_t pld1_fault_notify(enum pld1_fault fault)
{
    switch (fault) { /* RFC 2408 5.3 to 5.15 */
    case PLD1_FAULT_NONE:
        return 0;
    case PLD1_FAULT_LENGTH:
        return PLD1_N_UNEQUAL_PAYLOAD_LENGTHS;
    case PLD1_FAULT_TYPE:
        return PLD1_N_INVALID_PAYLOAD_TYPE;
    case PLD1_FAULT_DOI:
        return PLD1_N_DOI_NOT_SUPPORTED;
    case PLD1_FAULT_SITUATION:
        return PLD1_N_SITUATION_NOT_SUPPORTED;
    case PLD1_FAULT_PROPOSAL:
        return PLD1_N_BAD_PROPOSAL_SYNTAX;
    case PLD1_FAULT_ATTRIBUTE:
        return PLD1_N_ATTRIBUTES_NOT_SUPPORTED;
    case PLD1_FAULT_PROTOCOL:
        return PLD1_N_INVALID_PROTOCOL_ID;
    case PLD1_FAULT_SPI:
        return PLD1_N_INVALID_SPI;
    case PLD1_FAULT_ID:
        return PLD1_N_INVALID_ID_INFORMATION;
    case PLD1_FAULT_RESERVED:
    case PLD1_FAULT_LIMIT:
    case PLD1_FAULT_REPEATED:
    case PLD1_FAULT_VALUE:
        break;
    }
    return PLD1_N_PAYLOAD_MALFORMED;
}
