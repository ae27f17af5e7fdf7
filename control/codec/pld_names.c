/* What people call the numbers: RFC 7296 3.1, 3.2, 3.10.1 and the extensions we know. */
#include "control/codec/pld.h"

#include <stddef.h>

struct name {
    uint16_t number;
    const char *text;
};

#define N(x)                                                                                                 \
    {                                                                                                        \
        PLD_N_##x, #x                                                                                        \
    }
static const struct name notifies[] = {
    N(UNSUPPORTED_CRITICAL_PAYLOAD),
    N(INVALID_IKE_SPI),
    N(INVALID_MAJOR_VERSION),
    N(INVALID_SYNTAX),
    N(INVALID_MESSAGE_ID),
    N(INVALID_SPI),
    N(NO_PROPOSAL_CHOSEN),
    N(INVALID_KE_PAYLOAD),
    N(AUTHENTICATION_FAILED),
    N(SINGLE_PAIR_REQUIRED),
    N(NO_ADDITIONAL_SAS),
    N(INTERNAL_ADDRESS_FAILURE),
    N(FAILED_CP_REQUIRED),
    N(TS_UNACCEPTABLE),
    N(INVALID_SELECTORS),
    N(TEMPORARY_FAILURE),
    N(CHILD_SA_NOT_FOUND),
    N(TS_MAX_QUEUE),
    N(INITIAL_CONTACT),
    N(SET_WINDOW_SIZE),
    N(ADDITIONAL_TS_POSSIBLE),
    N(IPCOMP_SUPPORTED),
    N(NAT_DETECTION_SOURCE_IP),
    N(NAT_DETECTION_DESTINATION_IP),
    N(COOKIE),
    N(USE_TRANSPORT_MODE),
    N(HTTP_CERT_LOOKUP_SUPPORTED),
    N(REKEY_SA),
    N(ESP_TFC_PADDING_NOT_SUPPORTED),
    N(NON_FIRST_FRAGMENTS_ALSO),
    N(MOBIKE_SUPPORTED),
    N(MULTIPLE_AUTH_SUPPORTED),
    N(REDIRECT_SUPPORTED),
    N(FRAGMENTATION_SUPPORTED),
    N(SIGNATURE_HASH_ALGORITHMS),
    N(SA_RESOURCE_INFO),
};

static const struct name exchanges[] = {
    {PLD_IKE_SA_INIT, "IKE_SA_INIT"},
    {PLD_IKE_AUTH, "IKE_AUTH"},
    {PLD_CREATE_CHILD_SA, "CREATE_CHILD_SA"},
    {PLD_INFORMATIONAL, "INFORMATIONAL"},
};

static const struct name types[] = {
    {PLD_NONE, "none"}, {PLD_SA, "SA"},           {PLD_KE, "KE"},     {PLD_IDI, "IDi"},     {PLD_IDR, "IDr"},
    {PLD_CERT, "CERT"}, {PLD_CERTREQ, "CERTREQ"}, {PLD_AUTH, "AUTH"}, {PLD_NONCE, "Nonce"}, {PLD_NOTIFY, "N"},
    {PLD_DELETE, "D"},  {PLD_VENDOR, "V"},        {PLD_TSI, "TSi"},   {PLD_TSR, "TSr"},     {PLD_SK, "SK"},
    {PLD_CP, "CP"},     {PLD_EAP, "EAP"},         {PLD_SKF, "SKF"},
};

static const char *find(const struct name *names, size_t count, uint16_t number)
{
    for (size_t i = 0; i < count; i++)
        if (names[i].number == number)
            return names[i].text;
    return "unknown";
}

const char *pld_notify_name(uint16_t type)
{
    return find(notifies, sizeof notifies / sizeof *notifies, type);
}

const char *pld_exchange_name(uint8_t exchange)
{
    return find(exchanges, sizeof exchanges / sizeof *exchanges, exchange);
}

const char *pld_type_name(uint8_t type)
{
    return find(types, sizeof types / sizeof *types, type);
}
