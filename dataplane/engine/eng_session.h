/* eng_session: how every engine's session begins, so that sessions of several engines can stand side by side.
 *
 * Internal to the engines. */
#ifndef DATAPLANE_ENGINE_ENG_SESSION_H
#define DATAPLANE_ENGINE_ENG_SESSION_H

struct eng_ops;
struct eng_session; /* begins with the head */

struct eng_session_head {
    const struct eng_ops *owner; /* whose session_free takes it */
};

static inline const struct eng_ops *eng_session_owner(const struct eng_session *s)
{
    return ((const struct eng_session_head *)(const void *)s)->owner;
}

#endif
