"""Real parts that scenarios share, one module each: CPU work, an upstream server, a database.

A scenario imports what it needs, `from loopviz.parts.work import crunch`; the subject of the lesson
stays in the scenario's own file.
"""
