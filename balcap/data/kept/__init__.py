"""Large data are checked once: the samples of a file, kept in the cache and mapped into memory.

    FOLDER/data/KEY/checked.json   what was read, when, how many rows, what is wrong with the others
    FOLDER/data/KEY/samples.arrow  a row a usable row: what samples are made of, and a few columns
    FOLDER/data/KEY/ids.arrow      the samples: their ids, and their rows in samples.arrow
    FOLDER/data/KEY/pictures.bin   images that Parquet files and cells of text hold

FOLDER is `balcap.cache_folder`, KEY a digest of all that the samples depend on: names, sizes and
times of the files, settings, and the code that reads them.
"""

SAMPLES, IDS, PICTURES = "samples.arrow", "ids.arrow", "pictures.bin"
CHECKED = "checked.json"
