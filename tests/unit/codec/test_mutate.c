/* The codec under truncation at every octet and 100,000 seeded mutations: it refuses or keeps its promises, and stays
 * in its bytes (the sanitizer build sees the rest). */
#include "tests/fuzz/pld_drive.h"
#include "tests/unit/codec/mutate.h"
#include "tests/unit/codec/samples.h"
#include "tests/unit/unit.h"

#include <dirent.h>

enum { MUTATIONS = 100000 };

/* In an allocation of exactly that length, so that one octet too far is an error. */
static int drive_exactly(const uint8_t *bytes, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);
    memcpy(copy, bytes, len);
    int stage = pld_drive(copy, len);
    free(copy);
    return stage;
}

static void every_sample_passes_whole(void)
{
    for (unsigned kind = 0; kind < SAMPLE_KINDS; kind++) {
        struct sample s;
        sample_make(kind, &s);
        CU_ASSERT_FATAL(s.len > 0);
        CU_ASSERT_EQUAL(drive_exactly(s.bytes, s.len), 4);
    }
}

static void no_truncation_passes(void)
{
    for (unsigned kind = 0; kind < SAMPLE_KINDS; kind++) {
        struct sample s;
        sample_make(kind, &s);
        for (size_t len = 0; len < s.len; len++) {
            int stage = drive_exactly(s.bytes, len);
            CU_ASSERT(stage < 4);
            CU_ASSERT(len >= PLD_HEADER_LEN || stage == 0);
        }
    }
}

static void seeded_mutations_keep_every_promise(void)
{
    static const uint8_t telling[] = {0, 1, 2, 3, 4, 7, 8, 33, 41, 46, 53, 0x7f, 0x80, 0xff};
    unsigned stages[5] = {0};
    for (unsigned i = 0; i < MUTATIONS; i++) {
        struct sample s;
        sample_make(i % SAMPLE_KINDS, &s);
        for (unsigned n = 1 + next_random() % 4; n > 0; n--)
            mutate(s.bytes, &s.len, sizeof s.bytes, telling, sizeof telling);
        stages[drive_exactly(s.bytes, s.len)]++;
    }
    /* the mutations are worth something only when they reach every stage */
    for (unsigned i = 0; i < 5; i++)
        CU_ASSERT(stages[i] > MUTATIONS / 200);
}

static void every_seed_of_the_fuzzer_keeps_every_promise(void)
{
    DIR *d = opendir(CORPUS_DIR);
    CU_ASSERT_PTR_NOT_NULL_FATAL(d);
    unsigned files = 0;
    for (struct dirent *e; (e = readdir(d));) {
        char path[1024];
        static uint8_t bytes[65536];
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", CORPUS_DIR, e->d_name);
        FILE *f = fopen(path, "rb");
        CU_ASSERT_PTR_NOT_NULL_FATAL(f);
        drive_exactly(bytes, fread(bytes, 1, sizeof bytes, f));
        fclose(f);
        files++;
    }
    closedir(d);
    CU_ASSERT(files >= SAMPLE_KINDS);
}

UNIT_MAIN("pld_mutate", UNIT_TEST(every_sample_passes_whole), UNIT_TEST(no_truncation_passes),
          UNIT_TEST(seeded_mutations_keep_every_promise),
          UNIT_TEST(every_seed_of_the_fuzzer_keeps_every_promise))
