"""What asyncio's objects hold, read without a lookup of attributes."""

cdef extern from *:
    """
    #include <structmember.h>

    /* Where the objects of a class have what its slot describes; 0: it is no slot. */
    static Py_ssize_t loopviz_slot_offset(PyObject *slot) {
        if (!Py_IS_TYPE(slot, &PyMemberDescr_Type)) {
            return 0;
        }
        PyMemberDef *member = ((PyMemberDescrObject *)slot)->d_member;
        return member->type == T_OBJECT_EX ? member->offset : 0;
    }

    static inline PyObject *loopviz_at(PyObject *object, Py_ssize_t offset) {
        return *(PyObject **)((char *)object + offset);
    }

    /* True if an object's first field is that object, so that all of its type have it there. */
    static int loopviz_begins_with(PyObject *object, PyObject *first) {
        return Py_TYPE(object)->tp_basicsize >= (Py_ssize_t)(sizeof(PyObject) + sizeof(void *))
            && loopviz_at(object, sizeof(PyObject)) == first;
    }

    static inline PyObject *loopviz_first(PyObject *object) {
        return loopviz_at(object, sizeof(PyObject));
    }

    /* What a built-in method calls. */
    static inline const void *loopviz_called(PyObject *method) {
        return ((PyCFunctionObject *)method)->m_ml;
    }
    """
    ctypedef struct PyObject
    Py_ssize_t slot_offset "loopviz_slot_offset" (object)
    PyObject *at "loopviz_at" (object, Py_ssize_t)
    bint begins_with "loopviz_begins_with" (object, object)
    PyObject *first "loopviz_first" (object)
    const void *called "loopviz_called" (object)
