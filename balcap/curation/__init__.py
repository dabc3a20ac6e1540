"""What do judges that see a picture write about it, and what of that is worth training on?

target    what is written about an image, and by which rules it is kept: `questions`; `texts`
          has references, facts and rubrics
engine    images -> a journal, a line each, until all are done or nobody answers
result    journal -> verdicts, rows, report, manifest
"""
