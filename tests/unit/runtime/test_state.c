#include "control/runtime/rt_state.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir_path[] = "/tmp/culvert-state-XXXXXX";
static int dir_open(void)
{
    static bool made;
    if (!made)
        made = mkdtemp(dir_path) != NULL;
    int fd = open(dir_path, O_RDONLY | O_DIRECTORY);
    CU_ASSERT_FATAL(fd >= 0);
    unlinkat(fd, "culvert.state", 0);
    return fd;
}

static void put_file(int dir, const char *text)
{
    int fd = openat(dir, "culvert.state", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CU_ASSERT(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static void what_was_saved_comes_back(void)
{
    struct rt_state s = {.boot_id = 0xfedcba9876543210ull}, t;
    struct rt_child children[2] = {{0xffffffff00000001ull, 1234567890123ull}, {2, 0}};
    struct stat st;
    int dir = dir_open();
    CU_ASSERT(rt_names_add(&s.ifs, "Ethernet0/0", 4096) == 1);
    CU_ASSERT(rt_names_add(&s.ifs, "Tunnel1", 4096) == 2);
    CU_ASSERT(rt_names_add(&s.vrfs, "BLUE", 64) == 1);
    s.children = children;
    s.child_count = 2;
    s.applied = json_pack("{s:i}", "x", 5);
    CU_ASSERT(rt_state_save(dir, &s) == CV_OK);
    CU_ASSERT(fstatat(dir, "culvert.state", &st, 0) == 0 && (st.st_mode & 0777) == 0600);
    CU_ASSERT(faccessat(dir, "culvert.state.new", F_OK, 0) != 0);
    CU_ASSERT(rt_state_load(dir, &t) == CV_OK);
    CU_ASSERT(t.boot_id == s.boot_id && t.child_count == 2);
    CU_ASSERT(t.children[0].cookie == children[0].cookie && t.children[1].expires_wall_ms == 0);
    CU_ASSERT(t.children[0].expires_wall_ms == children[0].expires_wall_ms);
    CU_ASSERT(rt_names_find(&t.ifs, "Tunnel1") == 2 && rt_names_find(&t.vrfs, "BLUE") == 1);
    CU_ASSERT(json_equal(t.applied, s.applied));
    rt_state_free(&t);
    rt_names_free(&s.ifs);
    rt_names_free(&s.vrfs);
    json_decref(s.applied);
    close(dir);
}

static void missing_file_is_an_empty_state(void)
{
    struct rt_state s;
    int dir = dir_open();
    CU_ASSERT(rt_state_load(dir, &s) == CV_OK);
    CU_ASSERT(s.boot_id == 0 && s.child_count == 0 && s.ifs.count == 0 && s.applied == NULL);
    rt_state_free(&s);
    close(dir);
}

static void damaged_files_are_refused_whole(void)
{
    static const char *const bad[] = {
        "",
        "{",
        "[]",
        "{\"version\":2,\"boot_id\":\"1\"}",
        "{\"version\":1}",
        "{\"version\":1,\"boot_id\":\"zz\"}",
        "{\"version\":1,\"boot_id\":\"1\",\"interfaces\":{\"a\":0}}",
        "{\"version\":1,\"boot_id\":\"1\",\"interfaces\":{\"a\":4096}}",
        "{\"version\":1,\"boot_id\":\"1\",\"interfaces\":{\"a\":1,\"b\":1}}",
        "{\"version\":1,\"boot_id\":\"1\",\"interfaces\":{\"a\":\"1\"}}",
        "{\"version\":1,\"boot_id\":\"1\",\"children\":[{\"cookie\":5,\"expires_wall_ms\":1}]}",
        "{\"version\":1,\"boot_id\":\"1\",\"children\":[{\"cookie\":\"5\",\"expires_wall_ms\":-1}]}",
    };
    int dir = dir_open();
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct rt_state s;
        put_file(dir, bad[i]);
        CU_ASSERT(rt_state_load(dir, &s) == CV_EPARSE);
        CU_ASSERT(s.boot_id == 0 && s.ifs.count == 0 && s.child_count == 0);
    }
    close(dir);
}

static void link_in_place_of_the_file_is_not_followed(void)
{
    struct rt_state s;
    int dir = dir_open();
    CU_ASSERT(symlinkat("/etc/passwd", dir, "culvert.state") == 0);
    CU_ASSERT(rt_state_load(dir, &s) == CV_EIO);
    unlinkat(dir, "culvert.state", 0);
    close(dir);
    rmdir(dir_path);
}

static void names_keep_their_numbers_and_free_ones_are_used_again(void)
{
    struct rt_names n = {0};
    CU_ASSERT(rt_names_add(&n, "a", 4) == 1 && rt_names_add(&n, "b", 4) == 2 &&
              rt_names_add(&n, "c", 4) == 3);
    CU_ASSERT(rt_names_add(&n, "b", 4) == 2);
    CU_ASSERT(rt_names_add(&n, "d", 4) == 0); /* the numbers ran out */
    rt_names_remove(&n, "b");
    CU_ASSERT(rt_names_find(&n, "b") == 0 && rt_names_text(&n, 2) == NULL);
    CU_ASSERT(rt_names_add(&n, "d", 4) == 2);
    CU_ASSERT_STRING_EQUAL(rt_names_text(&n, 2), "d");
    CU_ASSERT(rt_names_find(&n, "a") == 1 && rt_names_find(&n, "c") == 3);
    rt_names_free(&n);
}

UNIT_MAIN("runtime state", UNIT_TEST(what_was_saved_comes_back), UNIT_TEST(missing_file_is_an_empty_state),
          UNIT_TEST(damaged_files_are_refused_whole),
          UNIT_TEST(names_keep_their_numbers_and_free_ones_are_used_again),
          UNIT_TEST(link_in_place_of_the_file_is_not_followed))
