#include "control/tools/exp_report.h"
#include <stdlib.h>
#include <string.h>
char *exp_report_html(const struct exp_result *r)
{
    (void)r;
    return strdup("");
}
