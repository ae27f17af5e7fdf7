/* The IKEv1 codec under truncation at every octet, 100,000 seeded mutations, and what a wrong key decrypts to. */
#include "tests/fuzz/pld1_drive.h"
#include "tests/unit/codec/mutate.h"
#include "tests/unit/codec/samples1.h"
#include "tests/unit/unit.h"

#include <dirent.h>

enum { MUTATIONS = 100000, GARBAGE = 20000, FRAGMENT_STAGE = 2 };

/* In an allocation of exactly that length, so that one octet too far is an error. */
static int drive_exactly(const uint8_t *bytes, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);
    memcpy(copy, bytes, len);
    int stage = pld1_drive(copy, len);
    free(copy);
    return stage;
}

static int whole_stage(unsigned kind)
{
    return sample1_kinds[kind].fill == sample1_fragment ? FRAGMENT_STAGE : 4;
}

static void every_sample_passes_whole(void)
{
    for (unsigned kind = 0; kind < SAMPLE1_KINDS; kind++) {
        struct sample s;
        sample1_make(kind, &s);
        CU_ASSERT_FATAL(s.len > 0);
        CU_ASSERT_EQUAL(drive_exactly(s.bytes, s.len), whole_stage(kind));
    }
}

/* Cutting off padding alone changes nothing; anything else is noticed, but for the end of a fragment, which is any data:
 * its own length field says what is missing. */
static void no_truncation_passes(void)
{
    static struct pld1_message m;
    for (unsigned kind = 0; kind < SAMPLE1_KINDS; kind++) {
        struct sample s;
        sample1_make(kind, &s);
        CU_ASSERT_EQUAL_FATAL(sample1_decode(s.bytes, s.len, &m, NULL), CV_OK);
        size_t payloads_end = s.len - m.padding.n;
        for (size_t len = 0; len < payloads_end; len++)
            CU_ASSERT_EQUAL(drive_exactly(s.bytes, len), len < PLD_HEADER_LEN ? 0 : 1);
        for (size_t len = payloads_end; len < s.len; len++)
            CU_ASSERT_EQUAL(drive_exactly(s.bytes, len), whole_stage(kind));
    }
}

static void seeded_mutations_keep_every_promise(void)
{
    static const uint8_t telling[] = {0,  1,  2,  3,  4,   5,   8,    11,   12,
                                      13, 16, 20, 33, 130, 132, 0x7f, 0x80, 0xff};
    unsigned stages[5] = {0};
    for (unsigned i = 0; i < MUTATIONS; i++) {
        struct sample s;
        sample1_make(i % SAMPLE1_KINDS, &s);
        for (unsigned n = 1 + next_random() % 4; n > 0; n--)
            mutate(s.bytes, &s.len, sizeof s.bytes, telling, sizeof telling);
        stages[drive_exactly(s.bytes, s.len)]++;
    }
    /* the mutations are worth something only when they reach every stage */
    for (unsigned i = 0; i < 5; i++)
        CU_ASSERT(stages[i] > MUTATIONS / 200);
}

/* KR-8: an MM5 decrypted with the wrong SKEYID_e. Nearly always the first payload, ID, has a reserved octet that is not
 * zero; never is it taken for a message. */
static void KR_8_garbage_shows_as_reserved_not_zero_on_ID_payload(void)
{
    static struct pld1_message m;
    unsigned reserved = 0;
    for (unsigned i = 0; i < GARBAGE; i++) {
        uint8_t plain[64];
        const char *err;
        for (size_t j = 0; j < sizeof plain; j++)
            plain[j] = (uint8_t)next_random();
        m.header = sample1_header(PLD1_MAIN, 5, true);
        m.header.next_payload = PLD1_ID;
        CU_ASSERT_EQUAL(pld1_inner((struct slice){plain, sizeof plain}, &m, &err), CV_EPARSE);
        if (m.fault == PLD1_FAULT_RESERVED && m.fault_payload == PLD1_ID) {
            CU_ASSERT_STRING_EQUAL(err, "reserved octet not zero");
            reserved++;
        }
    }
    CU_ASSERT(reserved > GARBAGE / 256 * 254); /* 255 of 256 are to be expected */
}

static void every_seed_of_the_fuzzer_keeps_every_promise(void)
{
    DIR *d = opendir(CORPUS1_DIR);
    CU_ASSERT_PTR_NOT_NULL_FATAL(d);
    unsigned files = 0;
    for (struct dirent *e; (e = readdir(d));) {
        char path[1024];
        static uint8_t bytes[65536];
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", CORPUS1_DIR, e->d_name);
        FILE *f = fopen(path, "rb");
        CU_ASSERT_PTR_NOT_NULL_FATAL(f);
        drive_exactly(bytes, fread(bytes, 1, sizeof bytes, f));
        fclose(f);
        files++;
    }
    closedir(d);
    CU_ASSERT(files >= SAMPLE1_KINDS);
}

UNIT_MAIN("pld1_mutate", UNIT_TEST(every_sample_passes_whole), UNIT_TEST(no_truncation_passes),
          UNIT_TEST(seeded_mutations_keep_every_promise),
          UNIT_TEST(KR_8_garbage_shows_as_reserved_not_zero_on_ID_payload),
          UNIT_TEST(every_seed_of_the_fuzzer_keeps_every_promise))
