"""Words: from codes and numbers to sentences, in the language of the project.

Adding a language is two modules like `en.py` and `interface_en.py` and its entry in `words.LANGUAGES`; the tests say
what it lacks.
"""

from abm_scoring.publish.words.words import LANGUAGES, Words

__all__ = ["LANGUAGES", "Words"]
