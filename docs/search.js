// How the site's search orders what it found: a page's title and its keywords (keywords.yml, put in by build.py) come
// before words in its text, and pages that show how before the reference. Sphinx puts this file into its search.
const keywords = {};
const kinds = {howto: 9, tutorials: 7, workshop: 5, explanations: 5, paper: 3};

const stems = text => {
  const stemmer = new Stemmer();
  const words = splitQuery(text.toLowerCase()).filter(word => !stopwords.has(word));
  return new Set(words.map(word => stemmer.stemWord(word)));
};
const share = (words, of) => [...words].filter(word => of.has(word)).length / Math.max(words.size, 1);

var Scorer = {
  score: ([page, title, anchor, , found, , kind]) => {
    const words = stems(document.querySelector("input[name=q]").value);
    const index = Search._index, number = index.docnames.indexOf(page);
    const titleOfPage = stems(index.titles[number]);
    const headings = new Set([...words].filter(word => [index.titleterms[word] ?? []].flat().includes(number)));
    return 30 * share(words, titleOfPage) + 30 * share(words, stems(keywords[page] ?? '')) + 8 * share(words, headings)
      + (kinds[page.split('/')[0]] ?? 0) + found / 10 - (anchor ? 20 : 0);
  },
  objNameMatch: 11, objPartialMatch: 6, objPrio: {0: 15, 1: 5, 2: -5}, objPrioDefault: 0,
  title: 15, partialTitle: 7, term: 5, partialTerm: 2,
};

// Where no page has all the words, those that have some of them are found. Sphinx makes Search below these lines.
queueMicrotask(() => {
  const withAll = Search.performTermsSearch;
  Search.performTermsSearch = (words, without) => {
    const found = withAll(words, without);
    return found.length ? found : [...words].flatMap(word => withAll(new Set([word]), without));
  };
});
