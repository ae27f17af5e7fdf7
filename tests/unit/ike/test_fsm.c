/* The transition tables: complete, printed by name, and the same in docs/ikev2.md and docs/ikev1.md. */
#include "control/ikev1/v1_fsm.h"
#include "control/ikev2/v2_fsm.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

static char *printed(void (*print)(FILE *))
{
    char *text = NULL;
    size_t n;
    FILE *f = open_memstream(&text, &n);
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    print(f);
    fclose(f);
    return text;
}

static void every_row_has_a_handler_and_every_name_is_known(void)
{
    char *text = printed(v2_fsm_print);
    CU_ASSERT_PTR_NULL(strstr(text, "?"));
    CU_ASSERT_PTR_NULL(strstr(text, "unknown"));
    for (unsigned s = 0; s < V2_STATE_COUNT; s++) {
        CU_ASSERT_PTR_NOT_NULL(strstr(text, v2_state_text((enum v2_state)s)));
        for (unsigned x = PLD_IKE_SA_INIT; x <= PLD_INFORMATIONAL; x++) {
            const struct v2_row *request = v2_row((enum v2_state)s, (uint8_t)x, false);
            const struct v2_row *answer = v2_row((enum v2_state)s, (uint8_t)x, true);
            CU_ASSERT_TRUE(!request || request->request);
            CU_ASSERT_TRUE(!answer || !answer->request);
        }
    }
    free(text);
}

static void every_kind_of_task_can_be_built_and_answered(void)
{
    for (unsigned k = V2_TASK_INIT + 1; k < V2_TASK_KIND_COUNT; k++) {
        const struct v2_kind *kind = v2_kind((enum v2_task_kind)k);
        CU_ASSERT_TRUE(kind->name && kind->build && kind->response);
        CU_ASSERT_TRUE(kind->exchange >= PLD_IKE_AUTH && kind->exchange <= PLD_INFORMATIONAL);
    }
}

static void only_an_established_SA_takes_new_children(void)
{
    for (unsigned s = 0; s < V2_STATE_COUNT; s++) {
        const struct v2_row *r = v2_row((enum v2_state)s, PLD_CREATE_CHILD_SA, false);
        CU_ASSERT_EQUAL(r && r->request == v2_create_child_request, s == V2_ESTABLISHED);
        r = v2_row((enum v2_state)s, PLD_IKE_AUTH, false);
        CU_ASSERT_EQUAL(r != NULL, s == V2_INIT_DONE);
    }
}

static void every_row_of_IKEv1_has_a_handler_and_every_name_is_known(void)
{
    char *text = printed(v1_fsm_print);
    CU_ASSERT_PTR_NULL(strstr(text, "?"));
    CU_ASSERT_PTR_NULL(strstr(text, "unknown"));
    for (unsigned s = 0; s < V1_STATE_COUNT; s++) {
        const struct v1_row *quick = v1_row((enum v1_state)s, PLD1_QUICK, NULL);
        CU_ASSERT_PTR_NOT_NULL(strstr(text, v1_state_text((enum v1_state)s)));
        CU_ASSERT_EQUAL(quick != NULL, s == V1_COMPLETE || s == V1_REPLACED); /* only after phase 1 */
        CU_ASSERT_TRUE(!quick || quick->handler);
    }
    free(text);
}

static void page_shows(const char *path, void (*print)(FILE *))
{
    static char doc[65536];
    FILE *f = fopen(path, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    doc[fread(doc, 1, sizeof doc - 1, f)] = '\0';
    fclose(f);
    char *text = printed(print), *save = NULL;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        CU_ASSERT_PTR_NOT_NULL(strstr(doc, line));
    free(text);
}

static void the_documentation_shows_these_tables(void)
{
    page_shows(SOURCE_ROOT "/docs/ikev2.md", v2_fsm_print);
    page_shows(SOURCE_ROOT "/docs/ikev1.md", v1_fsm_print);
}

UNIT_MAIN("ike fsm", UNIT_TEST(every_row_has_a_handler_and_every_name_is_known),
          UNIT_TEST(every_kind_of_task_can_be_built_and_answered),
          UNIT_TEST(only_an_established_SA_takes_new_children),
          UNIT_TEST(every_row_of_IKEv1_has_a_handler_and_every_name_is_known),
          UNIT_TEST(the_documentation_shows_these_tables))
